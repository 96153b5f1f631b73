"""
A million samples to Parquet
============================

What does not fit into memory is written in chunks. You learn how ``sample_to`` writes a
million samples to one Parquet file, goes on where it was interrupted, and needs no more
memory for many samples than for few; and how such a file is read without loading it.

Pictures need matplotlib: ``pip install 'dgsynth[plot]'``.
"""

# %%
# A small model
# -------------
#
# A row of the table is a visitor's session. Small networks are quick ones, and enough
# for four columns.

import mmap
import signal
import tempfile
import threading
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dgsynth import AutoregressiveSynthesizer

rng = np.random.default_rng(0)
device = rng.choice(["phone", "laptop", "tablet"], 5000, p=[0.6, 0.3, 0.1])
hour = (
    np.where(
        device == "phone", rng.normal(18, 4, 5000), rng.normal(13, 3, 5000)
    ).round()
    % 24
)
pages = 1 + rng.poisson(np.where(device == "phone", 2, 6))
sessions = pd.DataFrame({"device": device, "hour": hour.astype(int), "pages": pages})
sessions["seconds"] = (pages * rng.lognormal(3, 0.8, 5000)).round(1)
model = AutoregressiveSynthesizer(max_steps=150, units=32, random_state=0).fit(sessions)

# %%
# Interrupted
# -----------
#
# The first call is stopped from outside after two seconds, as by Ctrl-C. Finished
# chunks lie beside the file that is to be; nothing has its name yet. ``verbose=1``
# shows a progress bar, which this page leaves out.

folder = Path(tempfile.mkdtemp())
path = folder / "sessions.parquet"
asked = {"n_samples": 1_000_000, "chunk_size": 20_000, "random_state": 7}
signal.signal(signal.SIGINT, signal.default_int_handler)  # if a shell ignores it
threading.Timer(2, signal.raise_signal, [signal.SIGINT]).start()
try:
    model.sample_to(path, **asked)
except KeyboardInterrupt:
    done = len(list((folder / ".sessions.parquet.parts").glob("*.part")))
    print(
        f"interrupted with {done} of 50 chunks done; is there a file? {path.exists()}"
    )

# %%
# Resumed
# -------
#
# The same call again goes on from there. The file is the same, byte for byte, as if
# nothing had happened. Beside it a thread notes how much memory the process has, which
# Linux tells in ``/proc``.

ended, seconds, memory = threading.Event(), [], []


def watch():
    """Note the memory of this process, in MiB, five times a second."""
    start, statm = time.perf_counter(), Path("/proc/self/statm")
    while statm.exists() and not ended.wait(0.2):
        seconds.append(time.perf_counter() - start)
        memory.append(int(statm.read_text().split()[1]) * mmap.PAGESIZE / 2**20)


watcher = threading.Thread(target=watch)
watcher.start()
model.sample_to(path, **asked)
ended.set()
watcher.join()
file = pq.ParquetFile(path)
print(f"{file.metadata.num_rows:,} rows in {path.stat().st_size / 2**20:.0f} MiB")
in_memory = sessions.memory_usage(deep=True).sum() / len(sessions) * 1e6 / 2**20
print(f"as a DataFrame it would take {in_memory:.0f} MiB")
if memory:
    print(f"the process grew by {max(memory) - memory[0]:.0f} MiB while it wrote them")

# %%
# Reading in batches
# ------------------
#
# A row group holds a chunk. pyarrow reads them one after another, and only the columns
# that are asked for.

by_hour = {name: np.zeros(24) for name in ("phone", "laptop", "tablet")}
for batch in file.iter_batches(batch_size=20_000, columns=["device", "hour"]):
    for name, counts in by_hour.items():
        hours = batch.filter(pc.equal(batch["device"], name))["hour"]
        counts += np.bincount(hours.to_numpy(), minlength=24)

figure, (left, right) = plt.subplots(1, 2, figsize=(8.4, 3.6), layout="constrained")
for (name, counts), color in zip(
    by_hour.items(), ("tab:blue", "tab:orange", "tab:green"), strict=True
):
    learned = np.bincount(
        sessions.loc[sessions["device"] == name, "hour"], minlength=24
    )
    left.plot(counts / counts.sum(), color=color, label=f"{name}, a million samples")
    left.plot(
        learned / learned.sum(), ".", color=color, label=f"{name}, 5,000 learned from"
    )
left.set(
    xlabel="hour of the day",
    ylabel="share of the device's sessions",
    xticks=range(0, 25, 6),
)
figure.legend(*left.get_legend_handles_labels(), ncols=3, loc="outside upper center")
right.plot(seconds, memory, color="tab:purple")
right.set(xlabel="seconds of the resumed call", ylabel="memory of the process (MiB)")
right.set_ylim(0, 1.5 * max(memory, default=1))
plt.show()
