"""Operations that slide a window: convolution and pooling, in one to three dimensions."""
