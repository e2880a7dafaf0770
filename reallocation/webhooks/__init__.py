"""Telling other systems: what is told (`events`, `payloads`), to whom (`subscriptions`), and how it
leaves (`outbox`, `courier`).

Rows first, written in the transaction of the fact, as messages to people are. What is sent follows
Standard Webhooks (https://www.standardwebhooks.com), so that receivers find a library that checks it.
"""
