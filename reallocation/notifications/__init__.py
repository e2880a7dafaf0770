"""Telling people: what is written (`announce`), in which words (`kinds`), how it leaves (`outbox`).

A message is rows first, written in the transaction of the fact that it tells. They are handed over
to a channel afterwards, as often as it takes.
"""
