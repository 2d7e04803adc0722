"""The threads that work while a chunk is computed."""

import threading

import pytest

from keras_sphere.models.chunks import one_ahead


def test_order():
    assert list(one_ahead(lambda x: x * x, range(5))) == [0, 1, 4, 9, 16]
    assert list(one_ahead(lambda x: x, [])) == []


def test_works_while_a_result_is_in_use_and_no_further():
    done = [threading.Event() for _ in range(4)]

    def function(number):
        done[number].set()
        return number, threading.current_thread()

    for number, thread in one_ahead(function, range(4)):
        assert thread is not threading.current_thread()
        if number < 3:
            assert done[number + 1].wait(10.0)
        assert not any(event.is_set() for event in done[number + 2 :])


def test_nested_loops_compute_in_the_thread_that_asks():
    threads = {"prepare": set(), "compute": set(), "copy": set()}

    def record(name):
        def function(number):
            threads[name].add(threading.get_ident())
            return number + 1

        return function

    made = map(record("compute"), one_ahead(record("prepare"), range(6)))
    assert list(one_ahead(record("copy"), made)) == [3, 4, 5, 6, 7, 8]
    assert threads["compute"] == {threading.get_ident()}
    assert all(len(idents) == 1 for idents in threads.values())
    assert len(set.union(*threads.values())) == 3


def test_an_error_is_raised_where_its_result_is_asked_for():
    asked = []

    def items():
        for number in range(5):
            asked.append(number)
            yield number

    results = one_ahead(lambda number: 6 // (2 - number), items())
    assert [next(results), next(results)] == [3, 6]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert asked == [0, 1, 2, 3]


def test_what_was_computed_is_passed_on_before_an_interrupt():
    """A key pressed while batch 2 is made must not lose batch 1."""
    written = []

    def compute(number):
        if number == 2:
            raise KeyboardInterrupt
        return number

    with pytest.raises(KeyboardInterrupt):
        list(one_ahead(written.append, map(compute, range(4))))
    assert written == [0, 1]
