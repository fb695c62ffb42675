"""Recurrent layers: a cell computes one step, a layer runs it through a sequence.

`rnn`     RNN: any cell through a sequence; masks, states that last, direction
`cells`   what the cells here share, and StackedRNNCells
`simple`  SimpleRNN and its cell;  `lstm`  LSTM and its cell;  `gru`  GRU and its cell
"""

from glassnet.layers.recurrent.cells import StackedRNNCells
from glassnet.layers.recurrent.gru import GRU, GRUCell
from glassnet.layers.recurrent.lstm import LSTM, LSTMCell
from glassnet.layers.recurrent.rnn import RNN
from glassnet.layers.recurrent.simple import SimpleRNN, SimpleRNNCell

__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "SimpleRNN", "SimpleRNNCell", "StackedRNNCells"]
