// Brings a real shard into one of RFC 9293 3.3.2's states by an ordinary conversation, then gives it one segment and
// notes what it does: the levee side of the comparison with the model.
#pragma once

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "model/model.h"
#include "sim/conversation.h"

namespace levee::model {

// A state, and how SYN-RECEIVED was reached.
struct Place {
  State state;
  Origin origin = Origin::Passive;
};
[[nodiscard]] std::string name(const Place& place);
inline void PrintTo(const Place& place, std::ostream* to) { *to << name(place); }  // NOLINT: gtest's name
// Whether levee goes from SYN-SENT to SYN-RECEIVED (MUST-10); a test sees to it that this is true.
inline constexpr bool kSimultaneousOpen = true;
// All that levee can be in: the eleven states, SYN-RECEIVED once for each way that leads there.
[[nodiscard]] const std::vector<Place>& places();

struct Observation {
  Variables after;
  std::vector<Reply> replies;
  std::vector<std::string> odd_frames;  // what is no reply of 3.10.7: text, FIN, another flow
  bool opened = false;
  std::uint32_t text = 0;
  bool peer_closed = false;
  bool held = false;
  bool restarts_2msl = false;
  bool beside_time_wait = false;  // SYN-RECEIVED, and the old incarnation's TIME-WAIT is still there
  End end = End::None;
};

class Scene {
 public:
  struct Options {
    bool timestamps = false;
    bool fresh = false;          // the handshake is over and nothing was said yet; only ESTABLISHED
    bool closed_window = false;  // the user does not read and RCV.WND is 0; only in states that take text
  };
  explicit Scene(const Place& place) : Scene(place, Options{}) {}
  Scene(const Place& place, const Options& options);

  [[nodiscard]] Variables variables() const;
  [[nodiscard]] std::uint32_t irs() const;
  // Injects the segment, which may be done once, and runs the shard until it rests.
  [[nodiscard]] Observation receives(const Segment& segment);
  [[nodiscard]] std::string transcript() const { return talk_->transcript(); }

 private:
  void bring(const Place& place);
  void open_passively();
  void open_actively(const Place& place);
  void talk_a_little();
  void close_ours();
  void take_frames(Observation& seen);
  void take_events(Observation& seen);
  [[nodiscard]] shard::FlowView view() const;

  Options options_;
  std::unique_ptr<sim::Conversation> talk_;
  sim::Peer* peer_ = nullptr;
  Connection connection_;
};

}  // namespace levee::model
