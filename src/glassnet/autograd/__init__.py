"""L1, the engine: it knows operations in the abstract and no particular one.

`rules`       index rules such as `y[n,o] = sum_i x[n,i]*w[i,o] + b[o]`: parsing, evaluating, writing with numbers
`op`          the Op contract and `apply`, the one way to run an operation
`tensor`      Tensor, Spec and the nodes of the tape
`variable`    Variable: what a step may change
`backward`    the reverse sweep
`functional`  grad, value_and_grad, vjp, jacobian, hessian, hvp, no_grad
`gradcheck`   analytic against numeric gradients, with a diagnosis
`hooks`       OpHook: the one instrument for timing, NaN guard and recording
"""
