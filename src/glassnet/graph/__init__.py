"""L3, tracing: a Python step is run once on Specs, kept as an immutable Graph, and replayed on arrays.

`ir`     Graph, Call, Value: immutable and printable
`trace`  Tracer and `trace(function, ...)`
`plan`   ExecutionPlan: the flat list of calls that a replay walks
`buffers`  the memory that large results of a replay take turns in
`jit`    `gn.jit(function)`: trace on first use, guard, replay
`reasons`  why a function was traced once more
"""

from glassnet.graph.ir import Call, Graph, Value
from glassnet.graph.jit import jit
from glassnet.graph.plan import ExecutionPlan
from glassnet.graph.trace import trace

__all__ = ["Call", "ExecutionPlan", "Graph", "Value", "jit", "trace"]
