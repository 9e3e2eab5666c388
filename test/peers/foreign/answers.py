"""The failure of a question to another server: what it answered, or that it did not."""


class Failed(Exception):
    def __init__(self, condition: str) -> None:
        super().__init__(condition)
        self.condition = condition
