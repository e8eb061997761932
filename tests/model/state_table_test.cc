// What levee does in each state with each kind of segment, as a text that is kept beside this file: a change of
// behaviour shows as a diff of state_table.txt. GOLDEN_WRITE=1 writes it anew.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "model/exceptions.h"
#include "model/grid.h"
#include "model/scene.h"

namespace levee::model {
namespace {

constexpr std::uint16_t kWindowField = 4000;
constexpr std::uint32_t kText = 10;

// A segment in words; its numbers are relative to the variables of the state that it arrives in.
struct Event {
  const char* name;
  std::uint8_t flags;
  enum class Seq : std::uint8_t { Irs, Old, Next, InWindow, Edge, Beyond } seq;
  enum class Ack : std::uint8_t { Old, Una, Next, Beyond } ack;
  std::uint32_t length;
};

using S = Event::Seq;
using A = Event::Ack;

constexpr Event kEvents[] = {
    {"SYN, the first one again", kSyn, S::Irs, A::Una, 0},
    {"SYN at RCV.NXT", kSyn, S::Next, A::Una, 0},
    {"SYN beyond the window", kSyn, S::Beyond, A::Una, 0},
    {"SYN with text", kSyn, S::Beyond, A::Una, kText},
    {"SYN,ACK of SND.NXT", kSyn | kAck, S::Next, A::Next, 0},
    {"SYN,ACK of SND.NXT with text", kSyn | kAck, S::Next, A::Next, kText},
    {"SYN,ACK beyond SND.NXT", kSyn | kAck, S::Next, A::Beyond, 0},
    {"ACK below SND.UNA", kAck, S::Next, A::Old, 0},
    {"ACK of SND.UNA", kAck, S::Next, A::Una, 0},
    {"ACK of SND.NXT", kAck, S::Next, A::Next, 0},
    {"ACK beyond SND.NXT", kAck, S::Next, A::Beyond, 0},
    {"ACK, SEQ at the right edge", kAck, S::Edge, A::Next, 0},
    {"ACK, SEQ beyond the window", kAck, S::Beyond, A::Next, 0},
    {"keepalive: ACK, SEQ RCV.NXT-1", kAck, S::Old, A::Next, 0},
    {"RST at RCV.NXT", kRst, S::Next, A::Una, 0},
    {"RST,ACK at RCV.NXT of SND.NXT", kRst | kAck, S::Next, A::Next, 0},
    {"RST in the window", kRst, S::InWindow, A::Una, 0},
    {"RST at the right edge", kRst, S::Edge, A::Una, 0},
    {"RST beyond the window", kRst, S::Beyond, A::Una, 0},
    {"text at RCV.NXT", kAck, S::Next, A::Una, kText},
    {"text at RCV.NXT, ACK of SND.NXT", kAck, S::Next, A::Next, kText},
    {"text at RCV.NXT, ACK beyond", kAck, S::Next, A::Beyond, kText},
    {"text at RCV.NXT, urgent", kAck | kUrg, S::Next, A::Una, kText},
    {"text in the window", kAck, S::InWindow, A::Una, kText},
    {"text beyond the window", kAck, S::Beyond, A::Una, kText},
    {"text without ACK", kPsh, S::Next, A::Una, kText},
    {"FIN at RCV.NXT", kFin | kAck, S::Next, A::Una, 0},
    {"FIN at RCV.NXT, ACK of SND.NXT", kFin | kAck, S::Next, A::Next, 0},
    {"FIN behind text at RCV.NXT", kFin | kAck, S::Next, A::Una, kText},
    {"FIN in the window", kFin | kAck, S::InWindow, A::Una, 0},
    {"FIN at RCV.NXT-1", kFin | kAck, S::Old, A::Next, 0},
    {"FIN without ACK", kFin, S::Next, A::Una, 0},
    {"SYN,FIN", kSyn | kFin, S::Next, A::Una, 0},
    {"no flag", 0, S::Next, A::Una, 0},
};

Segment segment_of(const Event& event, const Variables& tcb) {
  Segment segment;
  segment.flags = event.flags;
  segment.wnd = kWindowField;
  segment.length = event.length;
  switch (event.seq) {
    case S::Irs:
      segment.seq = tcb.rcv_nxt;
      break;  // moved back to IRS by the caller
    case S::Old:
      segment.seq = tcb.rcv_nxt - 1;
      break;
    case S::Next:
      segment.seq = tcb.rcv_nxt;
      break;
    case S::InWindow:
      segment.seq = tcb.rcv_nxt + tcb.rcv_wnd / 2;
      break;
    case S::Edge:
      segment.seq = tcb.rcv_nxt + tcb.rcv_wnd;
      break;
    case S::Beyond:
      segment.seq = tcb.rcv_nxt + tcb.rcv_wnd + 300;
      break;
  }
  switch (event.ack) {
    case A::Old:
      segment.ack = tcb.snd_una - 1;
      break;
    case A::Una:
      segment.ack = tcb.snd_una;
      break;
    case A::Next:
      segment.ack = tcb.snd_nxt;
      break;
    case A::Beyond:
      segment.ack = tcb.snd_nxt + 1;
      break;
  }
  return segment;
}

std::string text_of(const Reply& reply, const Observation& seen, const Segment& segment) {
  const std::uint32_t end =
      segment.seq + segment.length + (segment.has(kSyn) ? 1U : 0U) + (segment.has(kFin) ? 1U : 0U);
  const bool nothing_kept = seen.after.state == State::Closed || seen.after.state == State::Listen;
  std::string_view seq = "SND.NXT";
  if (reply.kind == Reply::Kind::Rst) seq = reply.seq == segment.ack ? "SEG.ACK" : "?";
  if (reply.kind == Reply::Kind::RstAck) seq = reply.seq == 0 ? "0" : "?";
  if (reply.kind == Reply::Kind::SynAck) seq = "ISS";
  if (reply.kind == Reply::Kind::Ack && reply.seq != seen.after.snd_nxt) seq = "?";
  std::string_view ack = "RCV.NXT";
  if (nothing_kept) {
    ack = reply.ack == end ? "SEG.SEQ+SEG.LEN" : "?";
  } else if (seen.beside_time_wait) {
    ack = reply.ack == segment.seq + 1 ? "SEG.SEQ+1" : "?";
  } else if (reply.ack != seen.after.rcv_nxt) {
    ack = "?";
  }
  const char* const kNames[] = {"", "ACK", "RST", "RST,ACK", "SYN,ACK"};
  const char* flags = kNames[static_cast<std::size_t>(reply.kind)];
  if (reply.kind == Reply::Kind::Rst) return fmt::format("<SEQ={}><CTL={}>", seq, flags);
  return fmt::format("<SEQ={}><ACK={}><CTL={}>", seq, ack, flags);
}

std::string row(const Place& place, const Event& event) {
  Scene scene(place);
  const Variables before = scene.variables();
  Segment segment = segment_of(event, before);
  if (event.seq == S::Irs) segment.seq = scene.irs();
  const Observation seen = scene.receives(segment);
  std::string replies;
  for (const Reply& reply : seen.replies) replies += text_of(reply, seen, segment);
  for (const std::string& odd : seen.odd_frames) replies += odd;
  const std::string_view answer = replies.empty() ? std::string_view("-") : std::string_view(replies);
  std::string effects;
  const auto add = [&effects](bool applies, std::string_view what) {
    if (!applies) return;
    if (!effects.empty()) effects += ", ";
    effects += what;
  };
  const bool live = seen.after.state > State::SynReceived && seen.after.state < State::TimeWait;
  add(live && before.state > State::SynReceived && seen.after.snd_una != before.snd_una, "SND.UNA advances");
  add(seen.opened, "opened");
  add(seen.text > 0, "text");
  add(seen.held, "held");
  add(seen.peer_closed, "peer closed");
  add(seen.restarts_2msl, "2MSL anew");
  add(seen.beside_time_wait, "TIME-WAIT stays beside it");
  add(seen.end == End::Normal, "closed");
  add(seen.end == End::Reset, "reset");
  add(seen.end == End::Refused, "refused");
  std::string line =
      fmt::format("  {:<32} {:<13} {:<42} {}", event.name, levee::name(seen.after.state), answer, effects);
  line.resize(line.find_last_not_of(' ') + 1);
  line += '\n';
  return line;
}

std::string table() {
  std::string text =
      "What levee does when a segment arrives: the state after it, the reply, and what else happens. 100 bytes of "
      "ours\n"
      "are outstanding wherever that can be, then our FIN; an ACK of SND.NXT acknowledges all of it. A connection that "
      "is\n"
      "gone is LISTEN again if it was passive. Written by tests/model/state_table_test.cc.\n";
  for (const Place& place : places()) {
    text += fmt::format("\n{}\n", name(place));
    for (const Event& event : kEvents) text += row(place, event);
  }
  text += "\nExceptions from RFC 9293 3.10.7 and its amendments, in the order of tests/model/exceptions.cc\n";
  for (const Exception& one : exceptions()) text += fmt::format("  {}\n", one.name);
  return text;
}

TEST(StateTable, IsTheOneThatWasReviewed) {
  const std::string now = table();
  if (std::getenv("GOLDEN_WRITE") != nullptr) {
    std::ofstream(STATE_TABLE) << now;
    return;
  }
  std::ifstream file(STATE_TABLE);
  std::stringstream kept;
  kept << file.rdbuf();
  std::istringstream lines_now(now), lines_kept(kept.str());
  std::string place, line_now, line_kept;
  while (std::getline(lines_now, line_now)) {
    std::getline(lines_kept, line_kept);
    if (!line_now.starts_with(' ')) place = line_now;
    EXPECT_EQ(line_now, line_kept) << "in " << place;
  }
  EXPECT_EQ(now, kept.str()) << "if the change is wanted: GOLDEN_WRITE=1 build/tests/model/model_test";
}

}  // namespace
}  // namespace levee::model
