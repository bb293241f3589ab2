"""The queue, the worker and the numbered event log: how a run is carried out."""
