"""The autoregressive synthesizer: columns as tokens, predicted one after another, record after record."""
