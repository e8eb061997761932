// A service for fuzz targets: does what the input says to connections that it knows, and keeps both streams of each, so
// that every byte is checked: of what comes in against the one text that all peers send, of what goes out against what
// was accepted by `send` and `forward`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "levee/service.h"
#include "sim/packet.h"

namespace levee::fuzz {

// The text of all peers: a byte for every sequence number. A peer that contradicts itself sends another version, which
// differs in the two upper bits.
[[nodiscard]] constexpr std::byte text_at(std::uint32_t sequence, std::uint8_t version = 0) {
  return static_cast<std::byte>((sequence * 0x9e3779b1U >> 26) | (version & 3U) << 6);
}

class StreamService final : public Service {
 public:
  struct Stream {
    Connection connection;
    SocketAddress local, remote;
    std::uint32_t in_base = 0, out_base = 0;  // sequence numbers of the first bytes
    std::uint64_t received = 0;
    std::string sent;  // accepted for sending
    bool peer_closed = false, closed = false;
    std::uint32_t fin = 0;  // its sequence number, with peer_closed
  };

  bool reads = true;             // takes what comes at once
  bool closes_with_peer = true;  // answers the peer's FIN with close()
  bool echoes = false;           // hands what it reads back without copying it
  bool checks_text = true;       // off once a peer has damaged its own segments
  bool contradicted = false;     // some peer sent two versions of its text

  [[nodiscard]] const std::vector<Stream>& streams() const { return streams_; }
  // The youngest stream with that peer and TCP port of ours; nullptr if there was none.
  [[nodiscard]] const Stream* stream_with(const SocketAddress& remote, std::uint16_t local_port) const;

  // What the target asks for; `which` counts from the youngest connection.
  void send(std::size_t which, std::uint32_t count);
  void read(std::size_t which, std::uint32_t count);
  void forward(std::size_t from, std::size_t to, std::uint32_t count);
  [[nodiscard]] Connection connection(std::size_t which) const;

  void on_opened(Connection connection) override;
  void on_data(Connection connection) override;
  void on_peer_closed(Connection connection) override;
  void on_closed(Connection connection, CloseCause cause) override;

 private:
  [[nodiscard]] Stream* live(std::size_t which);
  [[nodiscard]] Stream* stream_of(Connection connection);
  void take(Stream& stream, std::uint32_t count);
  void check_text(const Stream& stream, std::span<const std::byte> piece) const;

  std::vector<Stream> streams_;
};

}  // namespace levee::fuzz
