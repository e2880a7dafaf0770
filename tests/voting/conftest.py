import pytest

SIGNALS = ("ballot_opened", "ballot_closing", "ballot_closed", "reminder_due")


@pytest.fixture
def told():
    """What the signals said, in order: (name, everything but the sender)."""
    from voting import signals

    heard = []
    name_of = {getattr(signals, name): name for name in SIGNALS}

    def listen(signal, sender, **said):
        heard.append((name_of[signal], said))

    for signal in name_of:
        signal.connect(listen)
    yield heard
    for signal in name_of:
        signal.disconnect(listen)


@pytest.fixture
def nobody_listens(monkeypatch):
    """Voting by itself: what others do about its signals is theirs to count."""
    from voting import signals

    for name in SIGNALS:
        monkeypatch.setattr(getattr(signals, name), "receivers", [])
