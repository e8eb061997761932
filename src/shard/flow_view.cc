// Copies of records, field by field; see flow_view.h.
#include "shard/flow_view.h"

#include "shard/impl.h"

namespace levee::shard {
namespace {

FlowView view_of(const tcp::Tcb& tcb, const IndexPool<tcp::Transfer>& transfers, bool active) {
  FlowView view;
  view.state = tcb.state();
  view.active = active;
  view.iss = tcb.iss.value();
  view.snd_una = tcb.una.value();
  view.snd_nxt = tcb.nxt.value();
  view.snd_wnd = tcb.wnd;
  view.max_snd_wnd = tcb.max_wnd;
  view.snd_wl1 = tcb.wl1.value();
  view.snd_wl2 = tcb.wl2.value();
  view.rcv_nxt = tcb.rcv_nxt.value();
  view.rcv_wnd = tcp::receive_window(tcb);
  if (tcb.transfer != kNoIndex) {
    const tcp::Reassembly& held = transfers[tcb.transfer].out_of_order;
    for (std::uint32_t i = 0; i < held.count; ++i)
      view.held.push_back({held.ranges[i].begin.value(), held.ranges[i].end.value()});
  }
  view.ts_recent = tcb.ts_recent;
  view.snd_scale = tcb.snd_scale;
  view.fin_sent = tcb.fin_sent;
  if (tcb.fin_arrived && !tcb.fin_received) view.fin_at = tcb.fin_seq.value();
  view.timestamps = tcb.timestamps;
  view.acked_a_lot = tcb.acked_a_lot;
  view.ack_waits = tcb.ack_now || tcb.delayed_ack_at != kNever;
  return view;
}

FlowView view_of(const tcp::HalfOpen& half_open, const levee::TcpOptions& options) {
  FlowView view;
  view.state = State::SynReceived;
  view.iss = view.snd_una = half_open.iss.value();
  view.snd_nxt = (half_open.iss + 1).value();
  view.rcv_nxt = (half_open.irs + 1).value();
  view.rcv_wnd = tcp::syn_window(options);
  view.ts_recent = half_open.ts_recent;
  view.snd_scale = half_open.window_scaling() ? half_open.peer_scale : std::uint8_t{0};
  view.timestamps = half_open.timestamps();
  return view;
}

FlowView view_of(const TimeWaitEntry& entry) {
  FlowView view;
  view.state = State::TimeWait;
  view.reopening = entry.tcp.reopening;
  view.snd_una = view.snd_nxt = entry.tcp.snd_nxt.value();
  view.rcv_nxt = entry.tcp.rcv_nxt.value();
  view.rcv_wnd = entry.tcp.window;
  view.ts_recent = entry.tcp.ts_recent;
  view.two_msl_ends_ms = entry.expires_ms;
  view.fin_sent = true;
  view.timestamps = entry.tcp.timestamps;
  return view;
}

}  // namespace

FlowView Shard::Impl::view(const FlowKey& flow) const {
  const FlowRef ref = find_flow(flow, hash_of(flow));
  switch (ref.kind()) {
    case RecordKind::Connection: {
      const ConnectionRecord& record = connections_[ref.index()];
      return view_of(record.tcb, transfers_, record.listener == kActiveOpen);
    }
    case RecordKind::HalfOpen: {
      const HalfOpenRecord& record = half_open_[ref.index()];
      return view_of(record.tcp, tcp_options(record.listener));
    }
    case RecordKind::TimeWait:
      return view_of(time_wait_[ref.index()]);
    case RecordKind::None:
      break;
  }
  return {};
}

FlowView Shard::view(SocketAddress local, SocketAddress remote) const { return impl_->view(FlowKey(local, remote)); }

}  // namespace levee::shard
