"""Operations of the hot paths, defined by their plain PyTorch references."""
