"""An epoch of the small CNN, which lessons train, beside the field's usual loop."""

from functools import partial

from benchmarks import training

entries = partial(training.entries, "small_cnn", 6000)
