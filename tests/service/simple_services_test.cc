// Echo (RFC 862), discard (RFC 863) and the character generator (RFC 864).
#include <gtest/gtest.h>

#include <string>

#include "service/chargen.h"
#include "service/discard.h"
#include "service/echo.h"
#include "service/fake_connection.h"

namespace levee::service {
namespace {

std::string numbers(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += std::to_string(i) + ' ';
  text.resize(size);
  return text;
}

TEST(Echo, SendsBackWhatArrives) {
  Echo service;
  FakeConnection peer(service);
  peer.opens();
  peer.sends("hello ");
  peer.sends("world");
  peer.acknowledges_everything();
  EXPECT_EQ(peer.received, "hello world");
  EXPECT_EQ(peer.unread(), 0U);
  EXPECT_FALSE(peer.fin_received());
}

TEST(Echo, AnswersFinWithFin) {
  Echo service;
  FakeConnection peer(service);
  peer.opens();
  peer.sends("x");
  peer.sends_fin();
  peer.acknowledges_everything();
  EXPECT_EQ(peer.received, "x");
  EXPECT_TRUE(peer.fin_received());
  EXPECT_EQ(peer.ended(), CloseCause::Normal);
}

TEST(Echo, LeavesUnreadWhatItHasNoRoomFor) {
  Echo service;
  FakeConnection peer(service, {.send_buffer = 100});
  peer.opens();
  const std::string text = numbers(250);
  peer.sends(text);
  EXPECT_EQ(peer.held(), 100U);
  EXPECT_EQ(peer.unread(), 150U);  // so the peer's window stays that much smaller
  peer.acknowledges(49);           // less than half is free: no event
  EXPECT_EQ(peer.unread(), 150U);
  peer.acknowledges(1);
  EXPECT_EQ(peer.unread(), 100U);
  peer.acknowledges_everything();
  EXPECT_EQ(peer.received, text);
}

TEST(Echo, ClosesOnlyWhenEverythingWentBack) {
  Echo service;
  FakeConnection peer(service, {.send_buffer = 10});
  peer.opens();
  const std::string text = numbers(35);
  peer.sends(text);
  peer.sends_fin();
  EXPECT_EQ(peer.connection().state(), State::CloseWait);
  peer.acknowledges(10);
  peer.acknowledges(10);
  EXPECT_EQ(peer.connection().state(), State::CloseWait);  // 5 bytes are still unread at the last event but one
  peer.acknowledges(10);
  EXPECT_EQ(peer.connection().state(), State::LastAck);
  peer.acknowledges_everything();
  EXPECT_EQ(peer.received, text);
  EXPECT_EQ(peer.ended(), CloseCause::Normal);
}

TEST(Discard, SendsNothingAndTakesEverything) {
  Discard service;
  FakeConnection peer(service);
  peer.opens();
  for (int i = 0; i < 100; ++i) peer.sends(numbers(1000));
  EXPECT_EQ(peer.unread(), 0U);
  EXPECT_EQ(peer.held(), 0U);
  peer.sends_fin();
  EXPECT_TRUE(peer.received.empty());
  EXPECT_EQ(peer.ended(), CloseCause::Normal);
}

// RFC 864: "On line N, put characters (0+N mod 95) through (71+N mod 95). End each line with CR LF."
std::string rfc_864_line(std::size_t n) {
  std::string line;
  for (std::size_t i = 0; i < 72; ++i) line += static_cast<char>(32 + (i + n) % 95);
  return line + "\r\n";
}

TEST(Chargen, WritesTheLinesOfRfc864) {
  Chargen service;
  FakeConnection peer(service, {.send_buffer = 20000});
  peer.opens();
  peer.acknowledges(20000);
  ASSERT_EQ(peer.received.size(), 20000U);
  for (std::size_t n = 0; (n + 1) * 74 <= peer.received.size(); ++n) {
    ASSERT_EQ(peer.received.substr(n * 74, 74), rfc_864_line(n)) << "line " << n;
  }
  EXPECT_EQ(peer.received.substr(0, 8), " !\"#$%&'");
}

TEST(Chargen, GoesOnWhereTheWindowStoppedIt) {
  for (const std::size_t room : {std::size_t{1}, std::size_t{7}, std::size_t{74}, std::size_t{7030}}) {
    Chargen service;
    FakeConnection peer(service, {.send_buffer = room, .block = 5});
    peer.opens();
    while (peer.received.size() < 15000) peer.acknowledges(room);
    for (std::size_t n = 0; (n + 1) * 74 <= peer.received.size(); ++n) {
      ASSERT_EQ(peer.received.substr(n * 74, 74), rfc_864_line(n)) << "room " << room << " line " << n;
    }
  }
}

TEST(Chargen, ThrowsInputAwayAndEndsWithThePeer) {
  Chargen service;
  FakeConnection peer(service, {.send_buffer = 1000});
  peer.opens();
  peer.sends("anything");
  EXPECT_EQ(peer.unread(), 0U);
  peer.sends_fin();
  peer.acknowledges_everything();
  EXPECT_EQ(peer.received.size(), 1000U);  // what had been accepted before the FIN, and no more
  EXPECT_EQ(peer.ended(), CloseCause::Normal);
}

}  // namespace
}  // namespace levee::service
