"""Parameters of the kernel of a transposed convolution (edge_types.h)."""

from firmware_export.parameters import Fields, Parameters
from firmware_export.weighted import weighted_arrays
from quantize.ir.graph import Array, IntGraph
from quantize.ir.integer_params import code_bounds, quant_of
from quantize.ir.ops import TransposeConv2D


def transpose_conv_parameters(operation: TransposeConv2D, graph: IntGraph) -> Parameters:
    """Return those of a transposed convolution.

    Raises:
        FirmwareExportError: An accumulator could leave int32.
    """
    arrays = weighted_arrays(operation, graph)
    kernel = graph.tensors[operation.weight].shape
    low, high = code_bounds(operation.activation, quant_of(graph, operation.output))
    fields: Fields = {
        "input": graph.tensors[operation.input].shape[1:],
        "output": graph.tensors[operation.output].shape[1:],
        "kernel_height": kernel[1],
        "kernel_width": kernel[2],
        "stride_height": operation.stride[0],
        "stride_width": operation.stride[1],
        "crop_top": operation.crop[0],
        "crop_left": operation.crop[1],
        "input_zero_point": quant_of(graph, operation.input).zero_point,
        "output_zero_point": quant_of(graph, operation.output).zero_point,
        "activation_min": low,
        "activation_max": high,
    }
    tables: dict[str, Array] = {
        "weight": arrays.weight,
        "bias": arrays.bias,
        "multiplier": arrays.multiplier,
        "shift": arrays.shift,
    }
    return Parameters("edge_transpose_conv_s8", "edge_transpose_conv_t", fields, tables)
