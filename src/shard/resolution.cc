// Next hops, of either family: when one is asked for, what is believed, and who is told. How it is asked is in arp.cc
// and ndp.cc.
#include "shard/impl.h"

namespace levee::shard {

void Shard::Impl::request_neighbour(Neighbour& neighbour) {
  if (!Neighbours::may_request(neighbour, now_)) return;
  const auto hop = topology_.route(neighbour.address);
  Block* blank = hop && !outgoing_.full() ? stash_.take() : nullptr;
  if (blank == nullptr) return;
  if (neighbour.address.is_v4()) {
    ask_by_arp(neighbour, hop->source.v4(), blank);
  } else {
    ask_by_ndp(neighbour, hop->source.v6(), blank);
  }
  tell_others(NeighbourAsked{neighbour.address, neighbour.interface});
}

// Whoever is on the link can be there under as many addresses as its prefix has, and fill the table by handshakes with
// each; but all the rest of the world is behind a router, whose place nobody can keep from it.
Neighbour* Shard::Impl::neighbour_at(const IpAddress& address, std::uint16_t interface) {
  Neighbour* entry = neighbours_.find(address, interface);
  if (entry != nullptr) return entry;
  entry = neighbours_.find_or_add(address, interface, now_, topology_.is_router(address, interface));
  if (entry == nullptr) stats_.count(Counter::NeighbourTableFull);
  return entry;
}

// Keeps what is fresh: a different MAC is believed only when the old one has been silent, or was asked about.
void Shard::Impl::learn_neighbour(const IpAddress& address, std::uint16_t interface, const MacAddress& mac) {
  Neighbour* entry = neighbour_at(address, interface);
  if (entry == nullptr) return;
  const bool fresh = entry->known && now_ - entry->confirmed < Neighbours::kFresh;
  if (fresh && entry->mac != mac && !Neighbours::expects_reply(*entry, now_)) return;
  const bool answers = entry->ever_requested && entry->confirmed < entry->requested;  // perhaps another shard's request
  const bool news = !entry->known || entry->mac != mac;
  Neighbours::learn(*entry, mac, now_);
  if (!news && !answers) return;
  if (news) stats_.count(Counter::NeighboursLearnt);
  tell_others(NeighbourLearnt{address, mac, interface});
  wake_waiting();
}

void Shard::Impl::tell_others(const Message& message) {
  for (Mailbox* outbox : outboxes_) {
    if (outbox != nullptr) stats_.count(outbox->push(message) ? Counter::MailSent : Counter::MailDropped);
  }
}

void Shard::Impl::confirm_neighbour(const ConnectionRecord& record, const MacAddress& mac) {
  Neighbour* entry = neighbours_.find(hop_of(record), record.interface);
  if (entry != nullptr && entry->known && entry->mac == mac) entry->confirmed = now_;
}

void Shard::Impl::wake_waiting() {
  for (const Waiting& waiting : waiting_) {
    if (resolve(waiting.index, waiting.generation) != nullptr) push_output(waiting.index);
  }
  waiting_.clear();
}

}  // namespace levee::shard
