// Constants of the counter-based noise, for host and device; dgsynth/kernels/philox.py defines it.
#pragma once

#include <cstdint>

namespace dgsynth {

// Philox4x32 (Salmon et al., SC 2011): multipliers of counter words 0 and 2, and what a round adds to the key's words.
constexpr uint32_t kMultiplier0 = 0xD2511F53u, kMultiplier2 = 0xCD9E8D57u;
constexpr uint32_t kKeyStep0 = 0x9E3779B9u, kKeyStep1 = 0xBB67AE85u;
constexpr int kPhiloxRounds = 10;

// What a draw is for, in the top byte of the counter's last word.
constexpr uint32_t kStateStream = 2u << 24, kMeasurementStream = 3u << 24;

}  // namespace dgsynth
