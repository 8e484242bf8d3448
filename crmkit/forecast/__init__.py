"""The inner rooms of `clv` and `backtest`."""
