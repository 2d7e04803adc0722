"""One thread that does all work, and a bounded line of those who wait for it.

Places and orders are looked after in the thread of the event loop alone; the thread of
the work reports to it.
"""

import asyncio
import queue
import threading
import traceback

SECONDS_TO_END = 10.0  # for work that is under way when the server ends
FAILED = "This did not work; what went wrong is on the server's terminal."


class Busy(Exception):
    """There is no place left."""


class Cancelled(Exception):
    """Nobody waits for the work any more; raised inside of it."""


class Place:
    """A place in the line, taken until all who hold it have left it.

    Args:
        free: Callable without arguments, for the end.
    """

    def __init__(self, free):
        self._free = free
        self._holders = 1

    def hold(self):
        self._holders += 1

    def leave(self):
        self._holders -= 1
        if not self._holders:
            self._free()


class Order:
    """Work on its way.

    Args:
        work: Callable of `tell` that returns what can be written as JSON. It calls
            `tell(dict)` every now and then: what it says is passed on, and the call
            ends the work by `Cancelled` if nobody waits for it any more.
        place: `Place`.

    Attributes:
        event: Dict, the newest only: `state` is `"waiting"` (and `before`, how many
            come first), `"working"` (and what `tell` was given), `"done"` (and
            `result`) or `"failed"` (and `error`, a sentence).
        changed: `asyncio.Event`, set with every new event.
    """

    def __init__(self, work, place):
        self.event, self.changed = None, asyncio.Event()
        self.is_cancelled = False
        self._work, self._place = work, place
        self._loop = asyncio.get_running_loop()
        self._is_held = True
        place.hold()

    def set(self, event):
        """Replaces the event; in the loop's thread."""
        self.event = event
        self.changed.set()

    def release(self):
        """Leaves the place, once; in the loop's thread."""
        if self._is_held:
            self._is_held, self._work = False, None
            self._place.leave()

    def post(self, function, *values):
        """Has the loop's thread call a function."""
        self._loop.call_soon_threadsafe(function, *values)

    def tell(self, progress):
        """Passes on how far the work is; in the work's thread."""
        if self.is_cancelled:
            raise Cancelled
        self.post(self.set, {"state": "working", **progress})

    def outcome(self):
        """Does the work; returns the last event. In the work's thread."""
        work = self._work
        try:
            self.tell({})
            return {"state": "done", "result": work(self.tell)}
        except Cancelled:
            return {"state": "failed", "error": "Cancelled."}
        except ValueError as error:
            return {"state": "failed", "error": str(error)}
        except Exception:
            traceback.print_exc()
            return {"state": "failed", "error": FAILED}


class Worker:
    """The thread, and the line before it.

    Args:
        most_waiting: Integer. How many may wait beside the one that is worked for.
    """

    def __init__(self, most_waiting):
        self.most_waiting = most_waiting
        self._taken, self._waiting = 0, []
        self._orders = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    def take(self):
        """Takes a place, for a request that is not even read yet.

        Raises:
            Busy: If there is none.
        """
        if self._taken > self.most_waiting:
            raise Busy(
                f"The model is busy, and {self.most_waiting} requests wait for it, "
                "which is all that may. Please try again in a moment."
            )
        self._taken += 1
        return Place(self._free)

    def put(self, work, place):
        """Lines up work; returns its `Order`, which holds the place, too."""
        order = Order(work, place)
        self._waiting.append(order)
        self._number()
        self._orders.put(order)
        return order

    def cancel(self, order):
        """Ends an order: at once if it waits, else at the next call of `tell`."""
        order.is_cancelled = True
        if order in self._waiting:
            self._waiting.remove(order)
            self._number()
            order.release()

    def close(self):
        """Ends the thread, once its orders are done or cancelled."""
        self._orders.put(None)
        self._thread.join(SECONDS_TO_END)

    def _free(self):
        self._taken -= 1

    def _number(self):
        for before, order in enumerate(self._waiting):
            order.set({"state": "waiting", "before": before})

    def _begin(self, order):
        if order in self._waiting:
            self._waiting.remove(order)
            self._number()

    def _end(self, order, event):
        order.release()
        order.set(event)

    def _run(self):
        while (order := self._orders.get()) is not None:
            try:
                order.post(self._begin, order)
                order.post(self._end, order, order.outcome())
            except RuntimeError:  # the loop has ended, and so has the server
                return
