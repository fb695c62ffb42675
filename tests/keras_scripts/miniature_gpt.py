"""A miniature GPT: a block that sees only what came before predicts each next character, and then writes."""

import keras
import numpy as np

TEXT = (
    "a little stream ran down the hill and turned a little wheel. "
    "the wheel ran all the day and all the night and ground the corn. "
) * 6
MAXLEN, EMBED_DIM, NUM_HEADS = 16, 24, 2


def causal_attention_mask(n_dest, n_src, dtype):
    """True where a step may look: at itself and at what came before."""
    i = keras.ops.arange(n_dest)[:, None]
    j = keras.ops.arange(n_src)
    m = i >= j - n_src + n_dest
    mask = keras.ops.cast(m, dtype)
    return keras.ops.reshape(mask, [1, n_dest, n_src])


class TransformerBlock(keras.layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim):
        super().__init__()
        self.att = keras.layers.MultiHeadAttention(num_heads, embed_dim // num_heads)
        self.ffn = keras.Sequential([keras.layers.Dense(ff_dim, activation="gelu"), keras.layers.Dense(embed_dim)])
        self.layernorm1 = keras.layers.LayerNormalization(epsilon=1e-6)
        self.layernorm2 = keras.layers.LayerNormalization(epsilon=1e-6)

    def call(self, inputs):
        seq_len = keras.ops.shape(inputs)[1]
        causal_mask = causal_attention_mask(seq_len, seq_len, "bool")
        attention_output = self.att(inputs, inputs, attention_mask=causal_mask)
        out1 = self.layernorm1(inputs + attention_output)
        return self.layernorm2(out1 + self.ffn(out1))


class TokenAndPositionEmbedding(keras.layers.Layer):
    def __init__(self, maxlen, vocab_size, embed_dim):
        super().__init__()
        self.token_emb = keras.layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
        self.pos_emb = keras.layers.Embedding(input_dim=maxlen, output_dim=embed_dim)

    def call(self, x):
        positions = self.pos_emb(keras.ops.arange(0, keras.ops.shape(x)[-1], 1))
        return self.token_emb(x) + positions


class TextGenerator(keras.callbacks.Callback):
    def __init__(self, max_tokens, start_tokens, top_k=3):
        super().__init__()
        self.max_tokens, self.start_tokens, self.k = max_tokens, start_tokens, top_k
        self.rng = np.random.default_rng(4)
        self.generated = []

    def sample_from(self, logits):
        logits, indices = keras.ops.top_k(logits, k=self.k, sorted=True)
        indices = keras.ops.convert_to_numpy(indices).astype("int32")
        preds = keras.ops.convert_to_numpy(keras.activations.softmax(keras.ops.expand_dims(logits, 0)))[0]
        return int(indices[np.searchsorted(np.cumsum(preds), 0.999 * self.rng.random())])

    def on_epoch_end(self, epoch, logs=None):
        tokens = list(self.start_tokens)
        while len(tokens) < self.max_tokens:
            x = np.array([(tokens + [0] * MAXLEN)[:MAXLEN]])
            y, _ = self.model.predict(x, verbose=0)
            tokens.append(self.sample_from(y[0][len(tokens) - 1]))
        self.generated.extend(tokens[len(self.start_tokens) :])


def main(digits, weights):
    characters = sorted(set(TEXT))
    tokens = np.array([characters.index(c) + 1 for c in TEXT], "int32")  # 0 is padding
    rows = np.stack([tokens[start : start + MAXLEN + 1] for start in range(0, len(tokens) - MAXLEN - 1, 4)])
    x, y = rows[:, :-1], rows[:, 1:]
    vocab_size = len(characters) + 1

    inputs = keras.layers.Input(shape=(MAXLEN,), dtype="int32")
    h = TokenAndPositionEmbedding(MAXLEN, vocab_size, EMBED_DIM)(inputs)
    h = TransformerBlock(EMBED_DIM, NUM_HEADS, 32)(h)
    outputs = keras.layers.Dense(vocab_size)(h)
    model = keras.Model(inputs=inputs, outputs=[outputs, h])
    weights(model)
    loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss=[loss_fn, None])  # no loss for what comes out of the block
    generator = TextGenerator(MAXLEN, tokens[:5].tolist())
    history = model.fit(x, y, batch_size=32, epochs=2, shuffle=False, verbose=0, callbacks=[generator])

    before = model.predict(x[:1], verbose=0)[0]
    changed = x[:1].copy()
    changed[0, 9] = 1 + changed[0, 9] % (vocab_size - 1)
    after = model.predict(changed, verbose=0)[0]
    assert np.allclose(before[0, :9], after[0, :9], atol=1e-6)
    assert not np.allclose(before[0, 9], after[0, 9])
    return {**history.history, "generated": generator.generated}
