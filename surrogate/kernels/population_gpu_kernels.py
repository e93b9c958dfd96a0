"""A bin of a population on a GPU in Triton: ../population/README.md has the equations and the layout, plain.py there is
the truth, and gpu.py launches them.

Three kernels, one after another, read in memory which bin it is, so that a graph of them serves every bin. Where spikes
might find no room they do nothing. clock: bin of the first two kernels, bin of the last one, first bin of the call, how
many neurons are watched.

N neurons to a program, H hidden units, M memory units, padded to powers of two with zeros; E connections, K spikes.
"""

from __future__ import annotations

import triton
import triton.language as tl

from .recurrence.gpu_kernels import activate, sigmoid, tanh


@triton.jit
def mark(
    clock, first_k, pre_k, since_k, run_k, first_run_n, delay_r, first_r, place_e, words, parts,
    n, room, longest, E: tl.constexpr,
):  # fmt: skip
    """Spikes in flight whose run is due: a bit for each of its connections, at its place among those of its target.

    words: a bit for each place. parts: a bit for each word, set where one of its own is.
    """
    t = tl.load(clock)
    at = t - tl.load(clock + 2)
    end = tl.load(first_k + at)
    if end + n > room:
        return
    begin = _oldest(first_k, at, longest)
    for k in range(begin + tl.program_id(0), end, tl.num_programs(0)):
        run, pre = tl.load(run_k + k), tl.load(pre_k + k)
        left = run < tl.load(first_run_n + pre + 1)
        if left & (tl.load(delay_r + run, mask=left, other=0) == t - tl.load(since_k + k)):
            last = tl.load(first_r + run + 1)
            for e in range(tl.load(first_r + run), last, E):
                each = e + tl.arange(0, E)
                place = tl.load(place_e + each, mask=each < last, other=0)
                word = place >> 5
                tl.atomic_or(words + word, 1 << (place & 31), mask=each < last, sem="relaxed")
                tl.atomic_or(parts + (word >> 5), 1 << (word & 31), mask=each < last, sem="relaxed")


@triton.jit
def step(
    clock, first_k, first_word_n, synapse_p, weight_p, words, parts, first_a, post_a, synapse_a, weight_a,
    count_c, accept_s, other_s, table_sh, into_hm, bias_h, out_hm, bias_m, kappa_m, gain_m, logit_m, volt_m,
    u_nh, m_nm, probability_n, v_n, spiking_n, count_j,
    seed, stream, first, n_here, n, room, n_inputs, n_counts, n_hidden, n_memory, n_tiles,
    kappa, scale_mv, offset_mv, bias_logit, bias_volt, threshold,
    WIRED: tl.constexpr, POISSON: tl.constexpr, DRAWN: tl.constexpr, SILU: tl.constexpr, PRECISION: tl.constexpr,
    TILE: tl.constexpr, N: tl.constexpr, H: tl.constexpr, M: tl.constexpr,
):  # fmt: skip
    """What arrives, hidden layer, memory, outputs and spikes of N neurons; in the order in which plain.py adds up."""
    t = tl.load(clock)
    at = t - tl.load(clock + 2)
    if (tl.program_id(0) == 0) & (first == 0):
        tl.store(clock + 1, t)
    if tl.load(first_k + at) + n > room:
        return
    i = tl.program_id(0) * N + tl.arange(0, N)
    here, neuron = i < n_here, first + i
    h, m = tl.arange(0, H), tl.arange(0, M)
    at_nh, there_nh = i[:, None].to(tl.int64) * n_hidden + h[None, :], here[:, None] & (h < n_hidden)[None, :]
    at_nm, there_nm = i[:, None].to(tl.int64) * n_memory + m[None, :], here[:, None] & (m < n_memory)[None, :]
    u = tl.load(u_nh + at_nh, mask=there_nh, other=0.0)

    if WIRED:  # from word to word of a neuron's own that has a bit, the lowest bit first
        low = tl.load(first_word_n + neuron, mask=here, other=0)
        high = tl.load(first_word_n + neuron + 1, mask=here, other=0)
        part, after = low >> 5, tl.where(high > low, (high + 31) >> 5, low >> 5)
        pending, bits = (i * 0).to(tl.uint32), (i * 0).to(tl.uint32)
        base, first_place = low * 0, low * 0
        while tl.max(((bits | pending) != 0).to(tl.int32) | (part < after).to(tl.int32), axis=0) > 0:
            fetch = (bits == 0) & (pending == 0) & (part < after)
            begin, end = tl.maximum(low - 32 * part, 0), tl.minimum(tl.maximum(high - 32 * part, 1), 32)
            own = (_ALL << begin.to(tl.uint32)) & (_ALL >> (32 - end).to(tl.uint32))
            found = tl.load(parts + part, mask=fetch, other=0).to(tl.uint32, bitcast=True) & own
            pending, base, part = tl.where(fetch, found, pending), tl.where(fetch, 32 * part, base), part + fetch
            take = (bits == 0) & (pending != 0)
            word = base + _lowest(pending)
            found = tl.load(words + word, mask=take, other=0).to(tl.uint32, bitcast=True)
            bits, first_place = tl.where(take, found, bits), tl.where(take, 32 * word, first_place)
            pending = tl.where(take, pending & (pending - 1), pending)
            active, place = bits != 0, first_place + _lowest(bits)
            synapse = tl.load(synapse_p + place, mask=active, other=0)
            weight = tl.load(weight_p + place, mask=active, other=0.0)
            u += weight[:, None] * _rows(table_sh, synapse, active, h, n_hidden)
            bits = bits & (bits - 1)

    first_event, last_event = tl.load(first_a + at), tl.load(first_a + at + 1)  # from outside, in order of neurons
    if last_event > first_event:
        a, stop = (
            _above(post_a, first_event, last_event, neuron - 1, here),
            _above(post_a, first_event, last_event, neuron, here),
        )
        while tl.max((a < stop).to(tl.int32), axis=0) > 0:
            synapse = tl.load(synapse_a + a, mask=a < stop, other=0)
            weight = tl.load(weight_a + a, mask=a < stop, other=0.0)
            u += weight[:, None] * _rows(table_sh, synapse, a < stop, h, n_hidden)
            a += 1

    own, none = i.to(tl.uint32), (i * 0).to(tl.uint32)
    if POISSON:
        word, _, _, _ = tl.philox(seed, own, none + t.to(tl.uint32), none, none + stream + 1)
        count = tl.where(here, _above(count_c, 0, n_counts, word, here), 0)
        for four in range(tl.max(count, axis=0) // 4 + 1):
            drawn = tl.philox(seed, own, none + t.to(tl.uint32), none + four, none + stream + 1)
            for nth in tl.static_range(4):
                k = 4 * four + nth  # word 0 is the count
                active, word = (k >= 1) & (k <= count), _nth(drawn, nth)
                s = tl.umulhi(word, none + n_inputs).to(tl.int32)
                accept = tl.load(accept_s + s, mask=active, other=0)
                other = tl.load(other_s + s, mask=active, other=0)
                synapse = tl.where(tl.mul(word, none + n_inputs, sanitize_overflow=False) < accept, s, other)
                u += _rows(table_sh, synapse, active, h, n_hidden)

    tl.store(u_nh + at_nh, kappa * u, mask=there_nh)
    at_hm = h[:, None] * M + m[None, :]
    w_in, w_out = tl.load(into_hm + at_hm), tl.load(out_hm + at_hm)
    kept = tl.load(kappa_m + m)[None, :] * tl.load(m_nm + at_nm, mask=there_nm, other=0.0)
    hidden = activate(_product(kept, tl.trans(w_in), u + tl.load(bias_h + h)[None, :], PRECISION), SILU)
    before = tl.broadcast_to(tl.load(bias_m + m)[None, :], [N, M])
    memory = kept + tl.load(gain_m + m)[None, :] * tanh(_product(hidden, w_out, before, PRECISION))
    tl.store(m_nm + at_nm, memory, mask=there_nm)
    probability = sigmoid(bias_logit + tl.sum(memory * tl.load(logit_m + m)[None, :], axis=1))
    v_mv = (bias_volt + tl.sum(memory * tl.load(volt_m + m)[None, :], axis=1)) * scale_mv + offset_mv
    tl.store(probability_n + neuron, probability, mask=here)
    tl.store(v_n + neuron, v_mv, mask=here)
    if DRAWN:  # 32 neurons share four words of eight counters
        drawn = tl.philox(seed, own // 32 * 8 + own % 8, none + t.to(tl.uint32), none, none + stream)
        word = _nth(drawn, (own % 32 // 8).to(tl.int32))
        spiking = here & ((word >> 8).to(tl.float32) * (1.0 / (1 << 24)) < probability)
    else:
        spiking = here & (probability >= threshold)
    tl.store(spiking_n + neuron, spiking.to(tl.int8), mask=here)
    tl.atomic_add(count_j + (t & 1) * n_tiles + neuron // TILE, i * 0 + 1, mask=spiking, sem="relaxed")


@triton.jit
def collect(
    clock, first_k, pre_k, since_k, run_k, first_run_n, delay_r, words, parts, n_parts,
    probability_n, v_n, spiking_n, count_j, watched_w, probability_tw, v_tw,
    n, room, longest, n_tiles, most_watched, WIRED: tl.constexpr, TILE: tl.constexpr, PARTS: tl.constexpr,
):  # fmt: skip
    """After a bin: what arrived goes on to its next run, its bits go out, and the bin's spikes, ascending, set off."""
    t, first_t, n_watched = tl.load(clock + 1), tl.load(clock + 2), tl.load(clock + 3)
    at, j, n_programs = t - first_t, tl.program_id(0), tl.num_programs(0)
    begin = tl.load(first_k + at)
    if begin + n > room:
        return
    tile = tl.arange(0, TILE)
    before = begin
    for low in range(0, j, TILE):
        other = low + tile
        before += tl.sum(tl.load(count_j + (t & 1) * n_tiles + other, mask=other < j, other=0), axis=0)
    i = j * TILE + tile
    spiking = tl.load(spiking_n + i, mask=i < n, other=0).to(tl.int32)
    k = before + tl.cumsum(spiking, axis=0) - spiking
    tl.store(pre_k + k, i, mask=spiking > 0)
    tl.store(since_k + k, t + i * 0, mask=spiking > 0)
    tl.store(run_k + k, tl.load(first_run_n + i, mask=spiking > 0, other=0), mask=spiking > 0)
    if j == n_programs - 1:
        tl.store(first_k + at + 1, before + tl.sum(spiking, axis=0))
    if j == 0:
        tl.store(clock, t + 1)
    tl.store(count_j + (1 - (t & 1)) * n_tiles + j, 0)  # of the bin that comes next

    watched = tl.load(watched_w + i, mask=i < n_watched, other=0)
    probability = tl.load(probability_n + watched, mask=i < n_watched, other=0.0)
    tl.store(probability_tw + at * most_watched + i, probability, mask=i < n_watched)
    tl.store(v_tw + at * most_watched + i, tl.load(v_n + watched, mask=i < n_watched), mask=i < n_watched)

    if WIRED:
        for low in range(_oldest(first_k, at, longest) + j * TILE, begin, n_programs * TILE):
            other = low + tile
            run = tl.load(run_k + other, mask=other < begin, other=0)
            pre = tl.load(pre_k + other, mask=other < begin, other=0)
            left = (other < begin) & (run < tl.load(first_run_n + pre + 1))
            due = tl.load(delay_r + run, mask=left, other=0) == t - tl.load(since_k + other, mask=left, other=0)
            tl.store(run_k + other, run + 1, mask=left & due)
        for low in range(j * PARTS, n_parts, n_programs * PARTS):
            part = low + tl.arange(0, PARTS)
            found = tl.load(parts + part, mask=part < n_parts, other=0)
            place = tl.arange(0, 32)[None, :]
            set_words = ((found[:, None] >> place) & 1) != 0
            tl.debug_barrier()  # threads that share a part have all read it
            tl.store(words + part[:, None] * 32 + place, set_words.to(tl.int32) * 0, mask=set_words)
            tl.store(parts + part, found * 0, mask=found != 0)


_ALL = tl.constexpr(0xFFFFFFFF)


@triton.jit
def _oldest(first_k, at, longest):
    """The first spike that may be on its way yet: of as many bins ago as the longest delay."""
    return tl.load(first_k + tl.maximum(at - longest, 0)) * (at >= longest)


@triton.jit
def _rows(table_sh, synapse, active, h, n_hidden):
    """A row of the table for each neuron, 0 where nothing arrives."""
    there = active[:, None] & (h < n_hidden)[None, :]
    return tl.load(table_sh + synapse[:, None] * n_hidden + h[None, :], mask=there, other=0.0)


@triton.jit
def _lowest(x):
    """Place of the lowest bit of a word that is not 0."""
    alone = (x & (x ^ (x - 1))).to(tl.float32)
    return (alone.to(tl.int32, bitcast=True) >> 23) - 127


@triton.jit
def _nth(four, which):
    """One of a counter's four words."""
    return tl.where(which == 0, four[0], tl.where(which == 1, four[1], tl.where(which == 2, four[2], four[3])))


@triton.jit
def _above(ascending, begin, end, wanted, here):
    """Where in places begin to end, for each neuron, the first number above the wanted one is."""
    low, high = begin + wanted.to(tl.int32) * 0, tl.where(here, end + wanted.to(tl.int32) * 0, begin)
    while tl.max(high - low, axis=0) > 0:
        middle, left = (low + high) // 2, low < high
        below = left & (tl.load(ascending + middle, mask=left, other=0) <= wanted)
        high = tl.where(below, high, tl.minimum(middle, high))
        low = tl.where(below, middle + 1, low)
    return low


@triton.jit
def _product(x, w, total, PRECISION: tl.constexpr):
    """total + x w. 'bf16': both rounded to bfloat16, sums in float32; the interpreter has the rounded w in float32."""
    if PRECISION == "bf16":
        made = tl.dot(x.to(tl.bfloat16).to(w.dtype), w, total)
    else:
        made = tl.dot(x, w, total, input_precision=PRECISION)
    return made


INTERPRETED = not isinstance(step, triton.JITFunction)  # it then runs on the CPU
