// The list of exceptions; see exceptions.h. Keep it short: each is a place where somebody has to believe us.
#include "model/exceptions.h"

#include <array>

#include "model/receive_window.h"

namespace levee::model {
namespace {

void dropped(const Variables& before, const Segment&, Outcome& outcome) {
  outcome = {};
  outcome.after = before;
}

void acknowledged(const Variables& before, const Segment& segment, Outcome& outcome) {
  dropped(before, segment, outcome);
  outcome.reply = {Reply::Kind::Ack, before.snd_nxt, before.rcv_nxt};
}

bool passive_handshake(const Variables& before) {
  return before.state == State::SynReceived && before.origin == Origin::Passive;
}

bool is_nonsense(const Segment& segment) {
  return (segment.has(kSyn) && (segment.has(kFin) || segment.has(kRst))) ||
         (!segment.has(kSyn) && !segment.has(kRst) && !segment.has(kAck));
}

bool repeats_the_syn(const Variables& before, const Segment& segment) {
  return before.state == State::SynReceived && (segment.flags & (kFin | kSyn | kRst | kAck)) == kSyn &&
         segment.seq + 1 == before.rcv_nxt;
}

// The peer's SYN,ACK in SYN-RECEIVED of an active open.
bool answers_our_syn(const Variables& before, const Segment& segment) {
  return before.state == State::SynReceived && before.origin == Origin::Active &&
         (segment.flags & (kFin | kSyn | kRst | kAck)) == (kSyn | kAck) && segment.seq + 1 == before.rcv_nxt &&
         segment.ack == before.snd_nxt;
}

// The model got as far as the fifth step: with an ACK beyond SND.NXT it would have come to something else.
bool reached_ack(const Variables& before, const Segment& segment) {
  Segment beyond = segment;
  beyond.ack = before.snd_nxt + 1;
  Outcome refused;
  acknowledged(before, segment, refused);
  return segment_arrives(before, beyond) == refused;
}

// What RFC 6191 decides about.
bool is_time_wait_syn(const Variables& before, const Segment& segment) {
  return before.state == State::TimeWait && segment.has(kSyn) && !segment.has(kAck);
}

constexpr std::array kExceptions = {
    Exception{
        "flags that no TCP sends",
        "SYN with FIN or RST, and segments without SYN, RST and ACK, are dropped before any state is looked at and "
        "counted (bad_tcp_flags). RFC 9293 3.10.7 has an answer or an effect for them in some states; nobody but a "
        "scanner sends them.",
        [](const Variables&, const Segment& segment, const Outcome&) { return is_nonsense(segment); }, dropped},
    Exception{
        "a repeated SYN fetches the SYN-ACK",
        "RFC 9293 3.10.7.4 answers the peer's first SYN, repeated in SYN-RECEIVED, by an ACK. What "
        "was lost is the SYN-ACK, which the peer cannot do without, so it is sent again, as Linux does. A SYN that "
        "offers less than the first is none of his, and gets nothing: the SYN-ACK could be longer than it.",
        [](const Variables& before, const Segment& segment, const Outcome&) {
          return repeats_the_syn(before, segment);
        },
        [](const Variables& before, const Segment& segment, Outcome& outcome) {
          dropped(before, segment, outcome);
          if (before.timestamps && !segment.ts_value) return;
          outcome.reply = {Reply::Kind::SynAck, before.iss, before.rcv_nxt};
        }},
    Exception{
        "the SYN,ACK of a simultaneous open opens it",
        "RFC 9293 3.10.7.4, first step, finds it before the window and answers it by an ACK, with which the other side "
        "opens. Figure 8 of 3.5 shows it open the connection by itself, as it does in Linux.",
        [](const Variables& before, const Segment& segment, const Outcome&) {
          return answers_our_syn(before, segment);
        },
        [](const Variables& before, const Segment& segment, Outcome& outcome) {
          Segment rest = segment;
          rest.seq += 1;
          rest.flags &= static_cast<std::uint8_t>(~kSyn);
          outcome = segment_arrives(before, rest);
          outcome.reply = {Reply::Kind::Ack, before.snd_nxt, outcome.after.rcv_nxt};
        }},
    Exception{
        "another SYN does not end a passive handshake",
        "RFC 9293 3.10.7.4, fourth step, returns to LISTEN. Then one spoofed SYN in a window of 64 KiB would undo "
        "somebody's handshake. levee gives the challenge ACK of RFC 5961 4.2, as in synchronized states: a client that "
        "did begin anew answers it by RST.",
        [](const Variables& before, const Segment& segment, const Outcome&) {
          return passive_handshake(before) && segment.has(kSyn) && !is_nonsense(segment) &&
                 !repeats_the_syn(before, segment);
        },
        acknowledged},
    Exception{
        "a SYN without timestamps is challenged",
        "RFC 7323 3.2 drops what lacks the timestamps that were agreed upon. A peer that has forgotten the connection "
        "sends a SYN that may well have none, and only the challenge of RFC 5961 4.2 tells it.",
        [](const Variables& before, const Segment& segment, const Outcome& outcome) {
          return before.state >= State::Established && before.timestamps && segment.has(kSyn) && !segment.ts_value &&
                 !is_nonsense(segment) && outcome.after.state == before.state && !is_time_wait_syn(before, segment);
        },
        acknowledged},
    Exception{
        "a FIN needs no room",
        "RFC 9293 3.10.7.4 trims a FIN at RCV.NXT+RCV.WND, right behind the window; with RCV.WND = 0 no FIN is "
        "acceptable. levee takes it there, as Linux does: it fills no buffer, and the peer would have to probe until "
        "somebody reads.",
        [](const Variables& before, const Segment& segment, const Outcome&) {
          const std::uint32_t edge = before.rcv_nxt + before.rcv_wnd;
          const bool begins_inside = in_window(before, segment.seq);
          return before.state >= State::Established && before.state <= State::FinWait2 && !is_nonsense(segment) &&
                 segment.has(kFin) && !segment.has(kRst) && segment.seq + segment.length == edge &&
                 (before.rcv_wnd == 0 || begins_inside);
        },
        [](const Variables& before, const Segment& segment, Outcome& outcome) {
          Variables wider = before;
          ++wider.rcv_wnd;
          outcome = segment_arrives(wider, segment);
        }},
    Exception{
        "an empty ACK at the right edge of the window counts",
        "Table 6 of RFC 9293 3.10.7.4 wants SEG.SEQ < RCV.NXT+RCV.WND. The ACKs of a peer that has filled the window "
        "stand at the edge; if text was lost on the way and they did not count, two full windows would wait for each "
        "other (RFC 9293 A.2). Linux takes them, too.",
        [](const Variables& before, const Segment& segment, const Outcome&) {
          return before.state >= State::Established && before.state != State::TimeWait && before.rcv_wnd > 0 &&
                 segment.length == 0 && (segment.flags & (kFin | kSyn | kRst | kAck)) == kAck &&
                 segment.seq == before.rcv_nxt + before.rcv_wnd;
        },
        [](const Variables& before, const Segment& segment, Outcome& outcome) {
          Variables wider = before;
          ++wider.rcv_wnd;
          outcome = segment_arrives(wider, segment);
          --outcome.after.rcv_wnd;
        }},
    Exception{
        "no ACK from before the ISS",
        "RFC 5961 5.2 takes ACKs down to SND.UNA-MAX.SND.WND, which early in a connection is below the ISS: a blind "
        "attacker needs no luck to meet that range (ghost ACKs, CVE-2023-52881). levee counts them as not acceptable.",
        [](const Variables& before, const Segment& segment, const Outcome&) {
          return before.state >= State::Established && before.state != State::TimeWait && !before.acked_a_lot &&
                 (segment.flags & (kSyn | kRst | kAck)) == kAck && !model::before(before.iss, segment.ack) &&
                 reached_ack(before, segment);
        },
        acknowledged},
    Exception{
        "every new ACK brings its window",
        "RFC 9293 3.10.7.4, fifth: SND.WL1 keeps the window of an old segment out, also where the segment acknowledges "
        "something new, as a repetition may. SND.WND counts from SND.UNA, so the old window behind the new SND.UNA "
        "would promise room beyond the edge that the peer has named. levee takes the new one, as Linux does.",
        [](const Variables& before, const Segment& segment, const Outcome& outcome) {
          return before.state >= State::Established && before.state != State::TimeWait && segment.has(kAck) &&
                 outcome.after.snd_una != before.snd_una;
        },
        [](const Variables&, const Segment& segment, Outcome& outcome) {
          Variables& after = outcome.after;
          after.snd_wnd = static_cast<std::uint32_t>(segment.wnd) << after.snd_scale;
          after.max_snd_wnd = after.max_snd_wnd < after.snd_wnd ? after.snd_wnd : after.max_snd_wnd;
          after.snd_wl1 = segment.seq;
          after.snd_wl2 = segment.ack;
        }},
    Exception{
        "nothing follows a FIN",
        "RFC 9293 3.10.7.4, seventh and eighth, ignores text behind the peer's FIN but would advance RCV.NXT over a "
        "second FIN. levee does not, and tells whoever sends text where the stream ended. A FIN there is not the "
        "repetition that TIME-WAIT waits for, so 2MSL goes on.",
        [](const Variables& before, const Segment&, const Outcome& outcome) {
          return outcome.ignored && outcome.after.state == before.state;
        },
        [](const Variables& before, const Segment& segment, Outcome& outcome) {
          outcome.after.rcv_nxt = before.rcv_nxt;
          outcome.restarts_2msl = false;
          const bool answers = segment.length > 0 || before.state == State::TimeWait;
          outcome.reply = {};
          if (answers) outcome.reply = {Reply::Kind::Ack, before.snd_nxt, before.rcv_nxt};
        }},
    Exception{"TIME-WAIT does not answer a bare ACK",
              "RFC 9293 3.10.7.4 answers one that is not acceptable. Two ends in TIME-WAIT would go on for ever, each "
              "answering the other's ACK (as in RFC 5961 7, but without a counter in 40 bytes of state).",
              [](const Variables& before, const Segment& segment, const Outcome& outcome) {
                return before.state == State::TimeWait && segment.length == 0 &&
                       (segment.flags & (kFin | kSyn | kRst | kAck)) == kAck && outcome.reply.kind == Reply::Kind::Ack;
              },
              dropped},
};

}  // namespace

std::span<const Exception> exceptions() { return kExceptions; }

}  // namespace levee::model
