"""
Machine load: tasks of a cluster and how they end
=================================================

Tasks of a cluster live for four records or for forty, and how they end hangs on what
they used. You learn how lengths of two modes come out, how to compare them by metadata,
and how to make the tasks that a scheduler is to be tested with.

Pictures need matplotlib: ``pip install 'dgsynth[plot]'``.
"""

# %%
# The data
# --------
#
# Simulated after the Google Cluster Usage Traces: a record every five minutes, nine
# measurements, of which three are taken here, and the event that ended the task.
# Failing tasks fill their memory; killed ones idle before their end.

import matplotlib.pyplot as plt
import numpy as np

from dgsynth import DGSynthesizer, Sequences
from dgsynth.data.simulate import make_cluster_tasks
from dgsynth.evaluation import evaluate
from dgsynth.evaluation.plots import plot_lengths, plot_lengths_by, plot_metadata

kept = [
    "task",
    "time",
    "end_event",
    "cpu_rate",
    "maximum_cpu_rate",
    "canonical_memory_usage",
]
tasks = make_cluster_tasks(400, max_length=60, random_state=0)[kept]
tasks.head()

# %%
# Fit
# ---
#
# A constraint is kept by every record: the mean CPU rate of five minutes is never above
# their maximum. 1,000 steps are a third of what the model would take by itself.

columns = {"sequence_key": "task", "sequence_index": "time"}
constraints = ["cpu_rate <= maximum_cpu_rate"]
model = DGSynthesizer(
    **columns, constraints=constraints, max_steps=1000, random_state=0
).fit(tasks)
synthetic = model.sample(400, random_state=1)
broken = (synthetic["cpu_rate"] > synthetic["maximum_cpu_rate"]).sum()
print(f"{broken} of {len(synthetic)} synthetic records break the constraint")
print(evaluate(tasks, synthetic, costly=False, **columns).verdict)

# %%
# Lengths
# -------
#
# Tasks are short or near 46 records, and hardly ever between. Those that would be
# longer than 60 were cut there.

real, made = (
    Sequences.from_any(tasks, **columns),
    Sequences.from_any(synthetic, **columns),
)
_ = plt.figure(plot_lengths(real, made))

# %%
# How they end:

_ = plt.figure(plot_metadata(real, made, "end_event"))

# %%
# How long they live by how they end: evicted and finished tasks are long more often.
# Where about half of the tasks are short, the median jumps from one mode to the other.

_ = plt.figure(plot_lengths_by(real, made, "end_event"))

# %%
# What goes before an end
# -----------------------
#
# Memory relative to a task's first record, and CPU relative to its mean, over the life
# of the tasks of 30 records or more. This is the hardest part: what a failing or killed
# task does hangs on metadata, and unfolds over all of its life. After so few steps the
# directions are there, not yet the full height: see what more steps bring.


def over_life(table, event, column, base):
    """Median of a measurement, relative to each task, in each tenth of its life."""
    part = table[
        (table["end_event"] == event)
        & (table.groupby("task")["time"].transform("size") >= 30)
    ]
    groups = part.groupby("task")
    tenth = 10 * groups.cumcount() // groups["time"].transform("size")
    return (part[column] / groups[column].transform(base)).groupby(tenth).median()


figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
shown = (
    ("canonical_memory_usage", "first", "memory / that of the first record"),
    ("cpu_rate", "mean", "CPU / its mean"),
)
for ax, (column, base, label) in zip(axes, shown, strict=True):
    for event, color in zip(
        ("FAIL", "KILL", "FINISH"), ("tab:red", "tab:purple", "tab:green"), strict=True
    ):
        for table, style in ((tasks, "-"), (synthetic, "--")):
            name = f"{event}, {'real' if style == '-' else 'synthetic'}"
            ax.plot(
                10 * np.arange(10) + 5,
                over_life(table, event, column, base),
                style,
                color=color,
                label=name,
            )
    ax.set(xlabel="% of the task's life", ylabel=label)
figure.legend(*axes[0].get_legend_handles_labels(), ncols=3, loc="outside upper center")
plt.show()

# %%
# Tasks to order
# --------------
#
# For a test of the scheduler: 50 tasks that fail after exactly 40 records, on New
# Year's Day of 2030.

wanted = model.sample(
    50, metadata={"end_event": "FAIL"}, lengths=40, start="2030-01-01", random_state=2
)
wanted.groupby("task").agg(
    end=("end_event", "last"), records=("time", "size"), first=("time", "min")
).head(3)
