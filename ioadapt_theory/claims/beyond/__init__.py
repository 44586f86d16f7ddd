"""Claims that go beyond the numbered statements of the paper."""
