"""One thread of PyTorch's inside, all of them after; overlapping calls leave nobody with one."""

from __future__ import annotations

import threading

import torch

from analysis.common import threads


def test_one_thread_inside_and_all_of_them_after():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        inside, after, go_on = [], [], threading.Event()

        def work(wait):
            with threads.few_threads(1):
                inside.append(torch.get_num_threads())
                wait()
            after.append(torch.get_num_threads())

        first = threading.Thread(target=work, args=(lambda: go_on.wait(20),))
        first.start()
        second = threading.Thread(target=work, args=(lambda: None,))
        second.start()  # begins while the first has one, and would take that for all there are
        second.join(20)
        go_on.set()
        first.join(20)
        assert inside == [1, 1]
        assert after == [2, 2]
        assert torch.get_num_threads() == 2
        torch.set_num_threads(1)  # what a user sets later holds, too
        with threads.few_threads(2):
            assert threads.all_threads() == 1
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)
