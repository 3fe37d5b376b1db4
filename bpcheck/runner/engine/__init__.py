"""Work spread over an engine: Dask, MPI, or any `concurrent.futures.Executor`."""
