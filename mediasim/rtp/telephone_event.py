class EventReceiver:
    def receive(self, t, p): raise NotImplementedError
def event_payloads(*a, **k): raise NotImplementedError
