"""Backtest: history through the engine under a configuration, and under another one beside it.

sources (CSV, Parquet, store) → run: blocks of readings into one engine a configuration → compare →
report (text, JSON) and page (HTML). The same input gives the same report, byte by byte: nothing in
it is of the clock or of this machine.
"""
