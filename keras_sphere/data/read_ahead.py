"""Batches that are made ahead of their use, in threads."""

from keras_sphere.optional_imports import import_optional

ENDLESS = 2**62


class ReadAhead:
    """Calls a function of 0, 1, 2, ... ahead, while the results are in use.

    Args:
        function: Function of an integer; called from several threads.
        num_threads: Integer. How many calls are made at a time.
    """

    def __init__(self, function, num_threads):
        self._function = function
        self._num_threads = num_threads
        self._position = -1
        self._result = None
        self._following = None

    def starting_at(self, position):
        """A generator without end of the results from a position on.

        Raises:
            ImportError: At the call, if grain is not installed.
        """
        grain = import_optional("grain", "Reading images ahead", extra="train")
        results = grain.MapDataset.range(position, ENDLESS).map(self._attempt)
        options = grain.ReadOptions(
            num_threads=self._num_threads, prefetch_buffer_size=self._num_threads + 2
        )
        return self._results(results.to_iter_dataset(options))

    def _attempt(self, position):
        """A result, or an error for the thread that asks for it.

        grain would change its message.
        """
        try:
            return self._function(position)
        except Exception as error:
            return error

    def _results(self, attempts):
        for attempt in attempts:
            if isinstance(attempt, Exception):
                raise attempt
            yield attempt

    def __getitem__(self, position):
        """The result at a position; quick if positions are asked for in sequence."""
        if position == self._position:
            return self._result
        if self._following is None or position != self._position + 1:
            in_sequence = position in (0, self._position + 1)
            self._following = self.starting_at(position) if in_sequence else None
        if self._following is None:
            result = self._function(position)
        else:
            result = next(self._following)
        self._position, self._result = position, result
        return result
