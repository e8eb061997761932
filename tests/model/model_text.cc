// The model's segments and replies in words, with numbers relative to the initial ones.
#include <fmt/format.h>

#include <array>

#include "model/model.h"

namespace levee::model {
namespace {

// 4294967295 reads better as -1.
std::int32_t relative(std::uint32_t number, std::uint32_t base) { return static_cast<std::int32_t>(number - base); }

}  // namespace

std::string flag_names(std::uint8_t flags) {
  static constexpr std::array<const char*, 6> kNames = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"};
  std::string text;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if ((flags >> i & 1) == 0) continue;
    if (!text.empty()) text += ',';
    text += kNames[i];
  }
  return text.empty() ? "none" : text;
}

std::string describe(const Reply& reply, std::uint32_t iss, std::uint32_t irs) {
  const std::int32_t seq = relative(reply.seq, iss), ack = relative(reply.ack, irs);
  switch (reply.kind) {
    case Reply::Kind::None:
      return "no reply";
    case Reply::Kind::Ack:
      return fmt::format("<SEQ={}><ACK={}><CTL=ACK>", seq, ack);
    case Reply::Kind::Rst:
      return fmt::format("<SEQ={}><CTL=RST>", seq);
    case Reply::Kind::RstAck:
      return fmt::format("<SEQ={}><ACK={}><CTL=RST,ACK>", reply.seq, ack);
    case Reply::Kind::SynAck:
      return fmt::format("<SEQ={}><ACK={}><CTL=SYN,ACK>", seq, ack);
  }
  return "";
}

std::string describe(const Segment& segment, std::uint32_t iss, std::uint32_t irs) {
  std::string text = fmt::format("<SEQ={}>", relative(segment.seq, irs));
  if (segment.has(kAck)) text += fmt::format("<ACK={}>", relative(segment.ack, iss));
  text += fmt::format("<CTL={}>", flag_names(segment.flags));
  if (segment.length > 0) text += fmt::format(" {} bytes", segment.length);
  return text;
}

}  // namespace levee::model
