"""A .tflite file as an array of C++, and what a program on a microcontroller has to know of it."""

import hashlib

import numpy as np

SOURCE, HEADER, OPERATORS = "model_data.cc", "model_data.h", "model_operators.h"
_ROW = 30
# What a string of C++ may hold as it is: no quote, no backslash, no question mark, which begins a trigraph.
_PLAIN = {code for code in range(0x20, 0x7F) if chr(code) not in '"\\?'}

_SOURCE = """// {made}
#include "{header}"

namespace model_data {{

// TFLite Micro reads it where it lies: nothing is copied.
alignas(16) const unsigned char kBytes[{size}] = {{
{rows}
}};

}}  // namespace model_data
"""

_HEADER = """// {made}
#ifndef MODEL_DATA_H_
#define MODEL_DATA_H_

#include <cstddef>
#include <cstdint>

namespace model_data {{

// The file itself, aligned as its buffers have to be.
constexpr std::size_t kSize = {size};
extern const unsigned char kBytes[{size}];

// In bytes. It was measured on a computer with pointers of 64 bits, by TFLite Micro {version}.
constexpr std::size_t kArenaSize = {arena};

// A quantized integer stands for scale * (integer - zero_point); the scale of floats is 0.
struct Tensor {{
  const char* name;
  const char* type;
  std::size_t size;
  float scale;
  std::int32_t zero_point;
}};

// In the order of the interpreter's input(0), input(1) and so on; size is in bytes.
constexpr Tensor kInputs[] = {{
{inputs}
}};
constexpr Tensor kOutputs[] = {{
{outputs}
}};

}}  // namespace model_data

#endif  // MODEL_DATA_H_
"""

_OPERATORS = """// {made}
#ifndef MODEL_OPERATORS_H_
#define MODEL_OPERATORS_H_

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"

namespace model_data {{

constexpr unsigned int kOperators = {count};

// All operators that the file has, and no others: each costs flash.
inline TfLiteStatus AddOperators(tflite::MicroMutableOpResolver<kOperators>& resolver) {{
{added}
  return kTfLiteOk;
}}

}}  // namespace model_data

#endif  // MODEL_OPERATORS_H_
"""


def write(folder, content, arena, version, inputs, outputs, methods):
    """Write the three files. ``inputs`` and ``outputs`` are [(name, dtype, bytes, scale, zero point)] in the file's
    order, ``methods`` those by which a resolver gets its operators.
    """
    folder.mkdir()
    made = "Made by pinlite of the .tflite file whose sha256 is\n// {}.".format(hashlib.sha256(content).hexdigest())
    rows = ",\n".join(",".join(map(str, content[at : at + _ROW])) for at in range(0, len(content), _ROW))
    (folder / SOURCE).write_text(_SOURCE.format(made=made, header=HEADER, size=len(content), rows=rows))
    (folder / HEADER).write_text(
        _HEADER.format(
            made=made, size=len(content), version=version, arena=arena, inputs=_rows(inputs), outputs=_rows(outputs)
        )
    )
    added = "\n".join("  TF_LITE_ENSURE_STATUS(resolver.{}());".format(method) for method in methods)
    (folder / OPERATORS).write_text(_OPERATORS.format(made=made, count=max(len(methods), 1), added=added))


def _rows(tensors):
    return "\n".join(
        "    {{{}, {}, {}, {}, {}}},".format(
            _string(name), _string(dtype), size, str(np.float32(scale)) + "f", zero_point
        )
        for name, dtype, size, scale, zero_point in tensors
    )


def _string(text):
    """As C++ writes it; names are a stranger's."""
    coded = "".join(chr(code) if code in _PLAIN else "\\{:03o}".format(code) for code in text.encode())
    return '"{}"'.format(coded)
