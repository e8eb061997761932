// The model's variables from what a shard keeps of a flow.
#pragma once

#include "model/model.h"
#include "shard/flow_view.h"

namespace levee::model {

[[nodiscard]] inline Variables variables_of(const shard::FlowView& kept) {
  Variables tcb;
  tcb.state = kept.state;
  tcb.origin = kept.active ? Origin::Active : Origin::Passive;
  tcb.iss = kept.iss;
  tcb.snd_una = kept.snd_una;
  tcb.snd_nxt = kept.snd_nxt;
  tcb.snd_wnd = kept.snd_wnd;
  tcb.max_snd_wnd = kept.max_snd_wnd;
  tcb.snd_wl1 = kept.snd_wl1;
  tcb.snd_wl2 = kept.snd_wl2;
  tcb.rcv_nxt = kept.rcv_nxt;
  tcb.rcv_wnd = kept.rcv_wnd;
  tcb.fin_sent = kept.fin_sent;
  tcb.snd_scale = kept.snd_scale;
  tcb.timestamps = kept.timestamps;
  tcb.ts_recent = kept.ts_recent;
  for (const shard::FlowView::Range& range : kept.held) tcb.held.push_back({range.begin, range.end});
  tcb.fin_at = kept.fin_at;
  tcb.acked_a_lot = kept.acked_a_lot;
  return tcb;
}

}  // namespace levee::model
