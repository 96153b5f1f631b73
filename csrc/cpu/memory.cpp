// Keeps large blocks of memory: see memory.h.

#include "memory.h"

#include <cstdlib>
#include <mutex>
#include <new>

namespace dgsynth {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kLarge = size_t{1} << 18;  // smaller blocks the allocator keeps itself
constexpr size_t kKept = size_t{1} << 27;   // bytes that are kept at most

// Lies in front of every block.
struct alignas(kLine) Header {
  size_t bytes;
};

class Kept {
 public:
  // The smallest block that fits and is not much too large.
  Header* find(size_t bytes) {
    const std::lock_guard lock(mutex_);
    size_t best = blocks_.size();
    for (size_t i = 0; i < blocks_.size(); i++) {
      const size_t size = blocks_[i]->bytes;
      if (size < bytes || size > bytes + bytes / 4) continue;
      if (best == blocks_.size() || size < blocks_[best]->bytes) best = i;
    }
    if (best == blocks_.size()) return nullptr;
    Header* const found = blocks_[best];
    blocks_.erase(blocks_.begin() + best);
    total_ -= found->bytes;
    return found;
  }

  // Those that have been kept for longest make room.
  void keep(Header* block) {
    const std::lock_guard lock(mutex_);
    blocks_.push_back(block);
    total_ += block->bytes;
    while (total_ > kKept) {
      total_ -= blocks_.front()->bytes;
      std::free(blocks_.front());
      blocks_.erase(blocks_.begin());
    }
  }

 private:
  std::mutex mutex_;
  std::vector<Header*> blocks_;
  size_t total_ = 0;
};

// Never destroyed: tensors may be let go after all else.
Kept& kept() {
  static Kept* const blocks = new Kept;
  return *blocks;
}

}  // namespace

void* take_memory(size_t bytes) {
  bytes = (bytes + kLine - 1) / kLine * kLine;
  Header* block = bytes >= kLarge ? kept().find(bytes) : nullptr;
  if (!block) {
    block = static_cast<Header*>(std::aligned_alloc(kLine, sizeof(Header) + bytes));
    if (!block) throw std::bad_alloc();
    block->bytes = bytes;
  }
  return block + 1;
}

void give_back(void* memory) {
  Header* const block = static_cast<Header*>(memory) - 1;
  if (block->bytes >= kLarge) kept().keep(block);
  else std::free(block);
}

}  // namespace dgsynth
