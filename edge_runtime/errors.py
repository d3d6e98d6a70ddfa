"""Errors of the daemon, by cause.

EdgeRuntimeError
 ├─ ConfigError (ValueError)       the configuration file
 ├─ BundleError (ValueError)       a model bundle: manifest, hashes, self-test
 ├─ EngineError                    an inference engine that is missing or refuses the model
 ├─ SourceError                    a camera, file or sensor that cannot be opened or read
 │   ├─ SourceFrozenError          it repeats itself
 │   ├─ SourceSilentError          it says nothing for longer than it may
 │   └─ SourceSpentError           this process cannot open it again, a fresh one can
 ├─ FrameError (ValueError)        one frame that cannot become a tensor; it is dropped and counted
 ├─ ReplayError                    a recording that is none, or that this configuration did not make
 ├─ OutboxError                    the store of messages that wait for the broker
 ├─ SessionError                   the broker
 └─ ImageError (ValueError)        what is to be written to a card, or the card
"""


class EdgeRuntimeError(Exception):
    """Base of everything that the daemon refuses; the message is one clear line."""


class ConfigError(EdgeRuntimeError, ValueError):
    """The configuration has an unknown key or a value outside what is allowed."""


class BundleError(EdgeRuntimeError, ValueError):
    """A model bundle is incomplete, changed since it was made, or fails its self-test."""


class EngineError(EdgeRuntimeError):
    """No engine is installed for the model, or the engine refuses it."""


class SourceError(EdgeRuntimeError):
    """A source cannot be opened or has stopped delivering."""


class SourceFrozenError(SourceError):
    """A source gives the same reading over and over."""


class SourceSilentError(SourceError):
    """A source is open and says nothing for longer than it may."""


class SourceSpentError(SourceError):
    """A source can be opened once in a process; only a fresh process gives it back."""


class FrameError(EdgeRuntimeError, ValueError):
    """One frame has a wrong shape, values that are no numbers, or cannot be decoded."""


class ReplayError(EdgeRuntimeError):
    """A recording is damaged, holds no frames, or belongs to another model or configuration."""


class OutboxError(EdgeRuntimeError):
    """The outbox cannot be opened or written."""


class SessionError(EdgeRuntimeError):
    """The broker refused us for a reason that trying again will not cure."""


class ImageError(EdgeRuntimeError, ValueError):
    """A device's image cannot be made or written as asked."""
