"""Text classification with a transformer block and embeddings of tokens and positions, both layers of one's own."""

import keras
import numpy as np

WORDS, LENGTH = 40, 12


class TransformerBlock(keras.layers.Layer):
    def __init__(self, embed_dim, num_heads, ff_dim, rate=0.0):
        super().__init__()
        self.att = keras.layers.MultiHeadAttention(num_heads=num_heads, key_dim=embed_dim)
        self.ffn = keras.Sequential([keras.layers.Dense(ff_dim, activation="relu"), keras.layers.Dense(embed_dim)])
        self.layernorm1 = keras.layers.LayerNormalization(epsilon=1e-6)
        self.layernorm2 = keras.layers.LayerNormalization(epsilon=1e-6)
        self.dropout1 = keras.layers.Dropout(rate)
        self.dropout2 = keras.layers.Dropout(rate)

    def call(self, inputs):
        attn_output = self.att(inputs, inputs)
        attn_output = self.dropout1(attn_output)
        out1 = self.layernorm1(inputs + attn_output)
        ffn_output = self.ffn(out1)
        ffn_output = self.dropout2(ffn_output)
        return self.layernorm2(out1 + ffn_output)


class TokenAndPositionEmbedding(keras.layers.Layer):
    def __init__(self, maxlen, vocab_size, embed_dim):
        super().__init__()
        self.token_emb = keras.layers.Embedding(input_dim=vocab_size, output_dim=embed_dim)
        self.pos_emb = keras.layers.Embedding(input_dim=maxlen, output_dim=embed_dim)

    def call(self, x):
        maxlen = keras.ops.shape(x)[-1]
        positions = keras.ops.arange(start=0, stop=maxlen, step=1)
        positions = self.pos_emb(positions)
        x = self.token_emb(x)
        return x + positions


def main(digits, weights):
    rng = np.random.default_rng(2)
    texts = [rng.integers(1, WORDS, size=rng.integers(4, LENGTH + 6)).tolist() for _ in range(240)]
    labels = np.array([text[0] > text[-1] for text in texts]).astype("int64")
    x = keras.utils.pad_sequences(texts, maxlen=LENGTH)
    x_train, y_train, x_val, y_val = x[:200], labels[:200], x[200:], labels[200:]

    inputs = keras.layers.Input(shape=(LENGTH,))
    x = TokenAndPositionEmbedding(LENGTH, WORDS, 16)(inputs)
    x = TransformerBlock(16, 2, 24)(x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    x = keras.layers.Dropout(0.0)(x)
    x = keras.layers.Dense(12, activation="relu")(x)
    outputs = keras.layers.Dense(2, activation="softmax")(x)
    model = keras.Model(inputs=inputs, outputs=outputs)
    weights(model)
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        x_train, y_train, batch_size=32, epochs=2, validation_data=(x_val, y_val), shuffle=False, verbose=0
    ).history

    attention = keras.layers.MultiHeadAttention(num_heads=2, key_dim=3, value_dim=4, output_shape=5, dropout=0.0)
    query, value = rng.normal(size=(2, 4, 6)).astype("float32"), rng.normal(size=(2, 7, 6)).astype("float32")
    attention(query, value)
    weights(attention)
    allowed = rng.random((2, 4, 7)) > 0.4
    allowed[..., 0] = True
    result, scores = attention(query, value, attention_mask=allowed, return_attention_scores=True)
    result, scores = keras.ops.convert_to_numpy(result), keras.ops.convert_to_numpy(scores)
    assert (result.shape, scores.shape) == ((2, 4, 5), (2, 2, 4, 7))
    return {**history, "attended": result.mean(axis=(0, 1)), "scores": scores.std(axis=(0, 1, 2))}
