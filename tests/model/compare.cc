// What the model predicts beside what a shard did; see compare.h.
#include "model/compare.h"

#include <fmt/format.h>

namespace levee::model {
namespace {

class Words {
 public:
  void add(const std::string& text) {
    if (!text_.empty()) text_ += "; ";
    text_ += text;
  }
  template <typename Value>
  void compare(const char* what, const Value& predicted, const Value& seen) {
    if (predicted != seen) add(fmt::format("{}: the model says {}, levee {}", what, predicted, seen));
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// A connection that is gone leaves its TCP port: with a listener it is LISTEN, else CLOSED.
std::string_view state_name(State state, bool listens) {
  return levee::name(listens && state == State::Closed ? State::Listen : state);
}

const char* name(End end) {
  switch (end) {
    case End::None:
      return "no end";
    case End::Normal:
      return "closed";
    case End::Reset:
      return "reset";
    case End::Refused:
      return "refused";
  }
  return "";
}

void compare_replies(Words& words, const Outcome& predicted, const Observation& seen, std::uint32_t iss,
                     std::uint32_t irs) {
  for (const std::string& odd : seen.odd_frames) words.add("levee sends " + odd);
  std::string got;
  for (const Reply& reply : seen.replies) {
    if (!got.empty()) got += ' ';
    got += describe(reply, iss, irs);
  }
  if (got.empty()) got = describe(Reply{}, iss, irs);
  words.compare("reply", describe(predicted.reply, iss, irs), got);
}

void compare_variables(Words& words, const Variables& predicted, const Variables& seen, const Variables& before) {
  const State state = predicted.state;
  if (state == State::Closed || state == State::Listen) return;
  words.compare("SND.NXT - before", predicted.snd_nxt - before.snd_nxt, seen.snd_nxt - before.snd_nxt);
  if (state == State::SynSent) return;
  words.compare("RCV.NXT - before", predicted.rcv_nxt - before.rcv_nxt, seen.rcv_nxt - before.rcv_nxt);
  if (state == State::TimeWait || state == State::SynReceived) return;
  words.compare("SND.UNA - before", predicted.snd_una - before.snd_una, seen.snd_una - before.snd_una);
  words.compare("SND.WND", predicted.snd_wnd, seen.snd_wnd);
}

}  // namespace

std::string differences(const Variables& before, Outcome predicted, const Observation& seen) {
  Words words;
  const bool chooses_iss = predicted.reply.kind == Reply::Kind::SynAck && before.state != State::SynSent;
  if (chooses_iss && seen.replies.size() == 1) {
    predicted.reply.seq = seen.replies.front().seq;
    predicted.after.iss = predicted.after.snd_una = predicted.reply.seq;
    predicted.after.snd_nxt = predicted.reply.seq + 1;
    const auto distance = static_cast<std::int32_t>(predicted.reply.seq - before.snd_nxt);
    // RFC 6191 2: beyond the last number of the old incarnation
    if (before.state == State::TimeWait && distance <= 0) words.add("the new ISS is not beyond the old SND.NXT");
  }
  // `seen.after` says LISTEN exactly when somebody listens.
  const bool listens = seen.after.state == State::Listen;
  words.compare("state", state_name(predicted.after.state, listens), state_name(seen.after.state, listens));
  compare_replies(words, predicted, seen, before.iss, before.rcv_nxt - 1);
  const bool reopened = seen.beside_time_wait;
  if (!reopened && predicted.after.state == seen.after.state) {
    compare_variables(words, predicted.after, seen.after, before);
  }
  words.compare("opened", predicted.opened, seen.opened);
  words.compare("text", predicted.text, seen.text);
  words.compare("peer closed", predicted.peer_closed, seen.peer_closed);
  words.compare("held", predicted.held, seen.held);
  words.compare("2MSL begins anew", predicted.restarts_2msl, seen.restarts_2msl);
  words.compare("user", name(predicted.end), name(seen.end));
  return words.text();
}

}  // namespace levee::model
