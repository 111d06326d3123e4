"""Four steps of PreAct-ResNet-18, the network of backdoor benchmarks, beside the field's usual loop."""

from functools import partial

from benchmarks import training

entries = partial(training.entries, "preact_resnet18", 512, turns=3)
