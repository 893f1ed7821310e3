"""Telling Ctrl-C from a failure: what a signal looks like once it has come up through DuckDB or Prefect."""


def is_interrupt(error: BaseException) -> bool:
    """Whether a signal caused it: KeyboardInterrupt, Prefect's own, or the RuntimeError that DuckDB raises instead when
    one arrives during a query.
    """
    return not isinstance(error, Exception) or (type(error) is RuntimeError and str(error) == "Query interrupted")
