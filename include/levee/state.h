// The connection states of RFC 9293 3.3.2, and why a connection ended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace levee {

enum class State : std::uint8_t {
  Closed,
  Listen,
  SynSent,
  SynReceived,
  Established,
  FinWait1,
  FinWait2,
  CloseWait,
  Closing,
  LastAck,
  TimeWait,
};
inline constexpr std::size_t kStateCount = 11;

// The RFC's spelling: "FIN-WAIT-1".
[[nodiscard]] std::string_view name(State state);

// What `Service::on_closed` is told (RFC 9293 MUST-12: a close is told from an abort).
enum class CloseCause : std::uint8_t {
  Normal,      // both FINs were exchanged and acknowledged
  Reset,       // the peer sent an acceptable RST
  Aborted,     // this side called abort(), or drained with the deadline over
  TimedOut,    // retransmissions reached R2 (RFC 9293 3.8.3), or a state's time bound was met
  Refused,     // the SYN of an active open was answered by an RST
  NoResource,  // a table or pool was full
};
inline constexpr std::size_t kCloseCauseCount = 6;

[[nodiscard]] std::string_view name(CloseCause cause);

// What `Service::on_error_report` is told (RFC 9293 3.9.1.8, ERROR_REPORT, MUST-47): trouble that does not end the
// connection.
enum class ErrorReport : std::uint8_t {
  Retransmitting,      // R1: the peer has not answered several retransmissions (SHLD-9)
  NetworkUnreachable,  // ICMP, about this connection (RFC 9293 3.9.2.2, SHLD-25; RFC 5461)
  HostUnreachable,
  ProtocolUnreachable,
  PortUnreachable,
  Prohibited,  // by a filter on the way
  TimeExceeded,
  ParameterProblem,
};

[[nodiscard]] std::string_view name(ErrorReport report);

}  // namespace levee
