// The host's part of generation: room for what is made, and the launches that make it.
//
// `Device` is what memory, kernels and the few tensor operations come from: a GPU through torch in generate.cu, threads
// of the host in the tests.
#pragma once

#include <algorithm>
#include <vector>

#include "generate_plan.h"

namespace dgsynth {

// Blocks that stay until all is done: as many as the device runs at once, or as many as have lanes to fill.
template <class Device>
int count_blocks(Device& device, const Plan& plan, int64_t n_samples) {
  return static_cast<int>(
      std::min<int64_t>(device.blocks_at_once(plan), (n_samples + plan.lanes - 1) / plan.lanes));
}

template <class Device>
void make_scratch(Device& device, const Model& m, const Plan& plan, int blocks, Work& work) {
  const int64_t cells = static_cast<int64_t>(blocks) * m.units * plan.lanes;
  work.known = device.template make<float4>(cells);
  work.cells = device.template make<float>(cells * m.layers);
  if (m.outputs_row < 0) {
    work.outputs = device.template make<float>(static_cast<int64_t>(blocks) * 4 * m.head.groups * plan.lanes);
  }
}

// Lengths are forced, or all max_length: every sample's place is known before.
template <class Device>
void generate_to_place(Device& device, const Model& m, const Plan& plan, Work work, int blocks) {
  int64_t total = work.n * m.max_length;
  if (work.forced) {
    work.ends = device.cumulate(work.forced, work.n);
    total = device.read({work.ends + work.n - 1})[0];
  }
  work.records = device.make_records(total, m.record_dim);
  work.next = device.template make_zeros<unsigned long long>(1);
  device.run(m, plan, work, blocks);
}

// The flags say where samples end. Records go to an arena; what finds no room in it is left to a second round, with an
// arena as large as the first round says it needs, and so on.
template <class Device>
void generate_to_arena(Device& device, const Model& m, const Plan& plan, Work work, int blocks) {
  const int64_t n_samples = work.n;
  const int64_t pass_values = std::max<int64_t>(static_cast<int64_t>(m.sample_len) * m.record_dim, 1);
  Arena& arena = work.arena;
  arena.chunk_passes = static_cast<int>(std::max<int64_t>(256 / pass_values, 1));  // about a kilobyte
  const int64_t chunk_records = static_cast<int64_t>(arena.chunk_passes) * m.sample_len;
  const int64_t longest = (m.max_length + chunk_records - 1) / chunk_records;  // in chunks
  const int64_t chunk_bytes = arena.chunk_passes * pass_values * static_cast<int64_t>(sizeof(float));
  int64_t wanted = std::max<int64_t>(device.limits().arena_bytes / chunk_bytes, 1);
  std::vector<Work> rounds;
  const int64_t* ends = nullptr;
  int64_t total = 0;
  while (true) {
    arena.capacity = std::min(wanted, work.n * longest);
    arena.values = device.template make<float>(arena.capacity * arena.chunk_passes * pass_values);
    arena.previous = device.template make<int64_t>(arena.capacity);
    arena.last = device.template make_filled<int64_t>(work.n, -1);
    arena.used = device.template make_zeros<unsigned long long>(1);
    work.next = device.template make_zeros<unsigned long long>(1);
    device.run(m, plan, work, blocks);
    rounds.push_back(work);
    ends = device.cumulate(work.lengths, n_samples);
    const auto counts = device.read({reinterpret_cast<const int64_t*>(arena.used), ends + n_samples - 1});
    total = counts[1];
    if (counts[0] <= arena.capacity) break;
    const auto [todo, left] = device.find_zeros(work.lengths, n_samples);
    const int64_t made = std::max<int64_t>(work.n - left, 1);
    wanted = std::max(2 * arena.capacity, arena.capacity / made * left + arena.capacity);
    work.todo = todo;
    work.n = left;
  }
  float* const records = device.make_records(total, m.record_dim);
  for (const Work& round : rounds) device.gather(m, round, records, ends);
}

// Writes work.lengths, zero on entry, and makes the records. Returns false where the model does not fit the device.
template <class Device>
bool generate_on(Device& device, Model m, Work work, bool bfloat16) {
  const Plan plan = make_plan(m, bfloat16, work.n, device.limits());
  if (plan.lanes == 0) return false;
  const int blocks = count_blocks(device, plan, work.n);
  make_scratch(device, m, plan, blocks, work);
  if (work.forced || !m.has_flags) {
    generate_to_place(device, m, plan, work, blocks);
  } else {
    generate_to_arena(device, m, plan, work, blocks);
  }
  return true;
}

}  // namespace dgsynth
