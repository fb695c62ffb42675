"""L5, training: the loop (`trainer`), its data (`data`), what is compiled (`compiled`), and the callbacks."""
