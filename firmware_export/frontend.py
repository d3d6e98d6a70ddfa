"""The front end of a bundle as C: PREFIX_frontend.h, which turns samples into the model's input.

Windows of sensor samples and TFLite Micro's fixed-point log mel bands give the very codes that the
daemon computes. The float front ends are not exported: their logarithms and cosines are a C
library's, which differ in the last bit from one to the next.
"""

from typing import NamedTuple

import numpy as np

from edge_runtime.engines.protocol import quantize
from edge_runtime.manifest import Preprocessing, TensorInput
from edge_runtime.signals.features import normalise
from edge_runtime.signals.framing import frame_count
from edge_runtime.signals.inputs import MicroLogMelInput, WindowInput
from edge_runtime.signals.micro_fft import Complex, super_twiddles, twiddles
from edge_runtime.signals.micro_log_mel import OUTPUT_SCALE
from edge_runtime.signals.micro_tables import MicroTables, micro_tables
from firmware_export.c_text import comment, integer, real, table, wrap
from firmware_export.program import Program
from firmware_export.provenance import Provenance
from quantize.ir.graph import Array, DType, QuantParams
from quantize.ir.integer_params import quant_of

FEATURE_MAX = 32_767


class FrontEnd(NamedTuple):
    """What is exported of a front end: files by name, and what there is to say about it."""

    files: dict[str, str]
    note: str | None


def front_end(
    program: Program, provenance: Provenance, preprocessing: Preprocessing | None
) -> FrontEnd:
    """Return the header of a bundle's front end, or why there is none."""
    if preprocessing is None or isinstance(preprocessing, TensorInput):
        return FrontEnd({}, None)
    kind = str(preprocessing.__struct_config__.tag)
    quant = quant_of(program.graph, program.graph.inputs[0])
    if isinstance(preprocessing, WindowInput) and preprocessing.detrend == "none":
        body = _window(program, preprocessing, quant)
    elif isinstance(preprocessing, MicroLogMelInput) and _has_one_scale(preprocessing):
        body = _micro(program, preprocessing, quant)
    else:
        return FrontEnd({}, f"front end {kind} is not exported: feed ready codes (docs/signals.md)")
    p = program.prefix
    guard = f"{p.upper()}_FRONTEND_H"
    text = (
        f"{provenance.c_lines()}#ifndef {guard}\n#define {guard}\n\n{body}\n"
        f"#endif {comment(guard)}\n"
    )
    return FrontEnd({f"{p}_frontend.h": text}, None)


def _has_one_scale(spec: MicroLogMelInput) -> bool:
    return len(spec.mean) == 1 and len(spec.std) == 1 and spec.std[0] > 0


_WINDOW = """#include "{p}.h"

#include "kernels/edge_frontend_f32.h"

#define {macro}_FRONTEND_ROWS {rows}
#define {macro}_FRONTEND_COLUMNS {columns}

{tables}
/* ROWS x COLUMNS samples in the sensor's units, rows behind one another, to {p}_input(). */
static inline void {p}_frontend(const float *samples)
{{
    edge_window_f32_s8({macro}_FRONTEND_ROWS, {macro}_FRONTEND_COLUMNS, samples,
                       {p}_frontend_mean, {p}_frontend_std, {scale}, {zero_point}, {p}_input());
}}
"""


def _window(program: Program, spec: WindowInput, quant: QuantParams) -> str:
    p, columns = program.prefix, len(spec.columns)
    means = np.broadcast_to(np.asarray(spec.mean, np.float32), (columns,))
    stds = np.broadcast_to(np.asarray(spec.std, np.float32), (columns,))
    tables = (
        table(f"{p}_frontend_mean", means, DType.FLOAT32),
        table(f"{p}_frontend_std", stds, DType.FLOAT32),
    )
    return _WINDOW.format(
        p=p,
        macro=p.upper(),
        rows=spec.length,
        columns=columns,
        tables="\n".join(tables),
        scale=real(quant.scale[0]),
        zero_point=integer(quant.zero_point),
    )


_MICRO = """#include "{p}.h"

#include "kernels/edge_frontend_micro.h"

/* Samples of int16 sound at {rate} Hz, and the frames that they are cut into. */
#define {macro}_FRONTEND_SAMPLES {samples}
#define {macro}_FRONTEND_FRAMES {frames}
#define {macro}_FRONTEND_FRAME_STEP {step}

{tables}
static const edge_micro_t {p}_frontend_tables = {{
{fields}
}};

/* The code of a feature: how many thresholds it reaches, above {lowest}. */
static inline int8_t {p}_frontend_code(int16_t feature)
{{
    int32_t low = 0;
    int32_t high = {threshold_count};

    while (low < high) {{
        const int32_t middle = (low + high) / 2;

        if (feature >= {p}_frontend_thresholds[middle]) {{
            low = middle + 1;
        }} else {{
            high = middle;
        }}
    }}
    return (int8_t)({lowest} + low);
}}

/* One frame after another: `noise` (0 at a window's start) and the place in {p}_input() go on. */
static inline void {p}_frontend_frame(const int16_t *samples, uint32_t *noise, int8_t *codes)
{{
    static edge_complex_t packed[{half}];
    static uint32_t energy[{half} + 1];
    static uint64_t sums[{bands} + 1];
    const edge_micro_work_t work = {{packed, energy, sums, noise}};
    int16_t features[{bands}];
    int32_t band;

    edge_micro_frame(&{p}_frontend_tables, samples, &work, features);
    for (band = 0; band < {bands}; band++) {{
        codes[band] = {p}_frontend_code(features[band]);
    }}
}}

/* A whole window, {macro}_FRONTEND_SAMPLES samples, to {p}_input(). */
static inline void {p}_frontend(const int16_t *samples)
{{
    uint32_t noise[{bands}] = {{0u}};
    int32_t frame;

    for (frame = 0; frame < {macro}_FRONTEND_FRAMES; frame++) {{
        {p}_frontend_frame(samples + frame * {macro}_FRONTEND_FRAME_STEP, noise,
                           {p}_input() + frame * {bands});
    }}
}}
"""


def _micro(program: Program, spec: MicroLogMelInput, quant: QuantParams) -> str:
    p, tables, half = program.prefix, micro_tables(spec), micro_tables(spec).fft_length // 2
    lowest, thresholds = _thresholds(spec, quant)
    bands, weights = _sparse(tables)
    name = f"{p}_frontend"
    arrays = [
        _numbers("int16_t", f"{name}_window", tables.window),
        _complexes(f"{name}_twiddles", twiddles(half, half, 1)),
        _complexes(f"{name}_joining", super_twiddles(half)),
        _numbers("uint16_t", f"{name}_bands", bands),
        _numbers("uint16_t", f"{name}_weights", weights),
        _numbers("int16_t", f"{name}_gain", tables.gain),
        _numbers("uint16_t", f"{name}_log", tables.log),
        _numbers("int16_t", f"{name}_thresholds", thresholds),
    ]
    fields = (
        spec.frame_length, tables.fft_length, spec.bands, f"{name}_window", f"{name}_twiddles",
        f"{name}_joining", f"{name}_bands", f"{name}_weights", f"{name}_gain", f"{name}_log",
        f"{tables.correction_bits}u", f"{tables.snr_shift}u",
    )  # fmt: skip
    return _MICRO.format(
        p=p,
        macro=p.upper(),
        rate=spec.sample_rate_hz,
        samples=spec.length,
        frames=frame_count(spec.length, spec.frame_length, spec.frame_step),
        step=spec.frame_step,
        tables="\n".join(arrays),
        fields="\n".join(wrap(str(field) for field in fields)),
        lowest=lowest,
        threshold_count=len(thresholds),
        half=half,
        bands=spec.bands,
    )


def _thresholds(spec: MicroLogMelInput, quant: QuantParams) -> tuple[int, Array]:
    """Return the code of feature 0, and the least feature of every code above it."""
    features = (np.arange(FEATURE_MAX + 1) / OUTPUT_SCALE).astype(np.float32)
    real_values = normalise(features, spec.mean, spec.std)
    codes = quantize(real_values, quant.scale[0], quant.zero_point, np.int8).astype(np.int32)
    wanted = np.arange(codes[0] + 1, codes.max() + 1)
    return int(codes[0]), np.searchsorted(codes, wanted)


def _sparse(tables: MicroTables) -> tuple[Array, Array]:
    """Return the first band of each bin, and its weight in that band and the next."""
    bands = np.zeros(len(tables.weights), np.int64)
    pairs = np.zeros((len(tables.weights), 2), np.int64)
    for index, row in enumerate(tables.weights):
        used = np.flatnonzero(row)
        if len(used):
            first = used[0]
            bands[index] = first
            pairs[index] = row[first], row[first + 1] if first + 1 < len(row) else 0
    return bands, pairs


def _complexes(name: str, values: Complex) -> str:
    pairs = zip(values.real.tolist(), values.imag.tolist(), strict=True)
    return _array("edge_complex_t", name, [f"{{{cos}, {sin}}}" for cos, sin in pairs])


def _numbers(c_type: str, name: str, values: Array) -> str:
    ending = "u" if c_type.startswith("u") else ""
    return _array(c_type, name, [f"{value}{ending}" for value in values.ravel().tolist()])


def _array(c_type: str, name: str, words: list[str]) -> str:
    body = "\n".join(wrap(words))
    return f"static const {c_type} {name}[{len(words)}] = {{\n{body}\n}};\n"
