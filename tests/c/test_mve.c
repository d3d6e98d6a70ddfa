/* The mve kernels against the generic ones, with tables packed here, by their description in
 * edge_types.h: on a core with Helium this runs the instructions, elsewhere what stands for them.
 * An addition's vectors against its elements likewise.
 *
 * main returns the number of the first case that differs, 0 when none does.
 */
#include <stdint.h>
#include <string.h>

#include "edge_kernels.h"

enum { MAX_ROWS = 48, MAX_VALUES = 256, MAX_CELLS = 2048 };

static int8_t weight[MAX_ROWS * MAX_VALUES];
static int32_t bias[MAX_ROWS];
static int32_t multiplier[MAX_ROWS];
static int8_t shift[MAX_ROWS];
static int8_t input[MAX_CELLS];
static int8_t wanted[MAX_CELLS];
static int8_t output[MAX_CELLS];
static int8_t packed[MAX_ROWS * MAX_VALUES];
static int32_t finish[MAX_ROWS / 4 * 9];
static int32_t scratch[2 * MAX_VALUES];
static uint32_t state = 1;

static int8_t next_code(void)
{
    state = state * 1664525u + 1013904223u;
    return (int8_t)(state >> 24);
}

static void fill(int8_t *values, int32_t size, int32_t minimum)
{
    int32_t i;

    for (i = 0; i < size; i++) {
        const int8_t code = next_code();

        values[i] = (int8_t)(code < minimum ? minimum : code);
    }
}

/* Everything a layer of `rows` outputs and `values` weights each needs; row 1 has factor 0. Half
 * the rows have a multiplier of 2^30 and small sums, so that many results lie between two codes. */
static void fill_layer(int32_t rows, int32_t values)
{
    int32_t i;

    fill(weight, rows * values, -127);
    fill(input, MAX_CELLS, -128);
    for (i = 0; i < MAX_ROWS; i++) {
        const int32_t any = ((int32_t)1 << 30) + next_code() * 4000000 + 512000000;

        bias[i] = next_code() * 64;
        multiplier[i] = i == 1 ? 0 : i % 2 == 0 ? (int32_t)1 << 30 : any;
        shift[i] = (int8_t)(i == 2 ? -31 : -1 - i % 11);
    }
    memset(packed, 0, sizeof packed);
    memset(finish, 0, sizeof finish);
}

/* The numbers that finish channel `row` at place `place` of the table. */
static void put_finish(int32_t place, int32_t row, int32_t rows)
{
    int32_t *words = finish + place / 4 * 9;
    const int32_t exponent = row < rows ? shift[row] : -1;

    words[place % 4] = row < rows ? bias[row] : 0;
    words[4 + place % 4] = row < rows ? multiplier[row] : 0;
    words[8] = (int32_t)((uint32_t)words[8] | ((uint32_t)exponent & 255u) << (8 * (place % 4)));
}

static edge_conv_t shape_of(edge_image_t from, edge_image_t to, int32_t kernel, int32_t stride,
                            int32_t pad)
{
    edge_conv_t conv;

    memset(&conv, 0, sizeof conv);
    conv.input = from;
    conv.output = to;
    conv.kernel_height = kernel;
    conv.kernel_width = kernel;
    conv.stride_height = stride;
    conv.stride_width = stride;
    conv.dilation_height = 1;
    conv.dilation_width = 1;
    conv.pad_top = pad;
    conv.pad_left = pad;
    conv.input_zero_point = -5;
    conv.output_zero_point = 3;
    conv.activation_min = -100;
    conv.activation_max = 127;
    conv.weight = weight;
    conv.bias = bias;
    conv.multiplier = multiplier;
    conv.shift = shift;
    return conv;
}

static int differs(int32_t size)
{
    return memcmp(wanted, output, (size_t)size) != 0;
}

static edge_conv_mve_t layer_of(const edge_conv_t *conv)
{
    edge_conv_mve_t layer;

    layer.shape = *conv;
    layer.weight = packed;
    layer.finish = finish;
    return layer;
}

static void pack_rows(int32_t rows, int32_t values)
{
    const int32_t sixteens = (values + 15) / 16;
    int32_t row;
    int32_t value;

    for (row = 0; row < rows; row++) {
        for (value = 0; value < values; value++) {
            packed[((row / 4 * sixteens + value / 16) * 4 + row % 4) * 16 + value % 16] =
                weight[row * values + value];
        }
    }
    for (row = 0; row < (rows + 3) / 4 * 4; row++) {
        put_finish(row, row, rows);
    }
}

static int conv_differs(const edge_conv_t *conv)
{
    const int32_t rows = conv->output.channels;
    const edge_conv_mve_t layer = layer_of(conv);
    const int32_t values = conv->kernel_height * conv->kernel_width * conv->input.channels;

    fill_layer(rows, values);
    pack_rows(rows, values);
    edge_conv_s8(conv, input, wanted);
    edge_conv_mve_s8(&layer, input, (int8_t *)scratch, output);
    if (differs(conv->output.height * conv->output.width * rows)) {
        return 1;
    }
    if (conv->kernel_height > 1) {
        return 0;
    }
    memset(output, 0x55, sizeof output);
    edge_pointwise_conv_mve_s8(&layer, input, output);
    return differs(conv->output.height * conv->output.width * rows);
}

static int depthwise_differs(const edge_conv_t *conv)
{
    const int32_t channels = conv->output.channels;
    const int32_t taps = conv->kernel_height * conv->kernel_width;
    const edge_conv_mve_t layer = layer_of(conv);
    int32_t channel;
    int32_t tap;

    fill_layer(channels, taps);
    for (channel = 0; channel < channels; channel++) {
        for (tap = 0; tap < taps; tap++) {
            packed[(channel / 16 * taps + tap) * 16 + channel % 16] =
                weight[tap * channels + channel];
        }
    }
    for (channel = 0; channel < (channels + 15) / 16 * 16; channel++) {
        const int32_t inside = channel % 16;

        put_finish(channel - inside + inside % 4 * 4 + inside / 4, channel, channels);
    }
    edge_depthwise_conv_s8(conv, input, wanted);
    edge_depthwise_conv_mve_s8(&layer, input, (int8_t *)scratch, output);
    return differs(conv->output.height * conv->output.width * channels);
}

static int fully_connected_differs(int32_t inputs, int32_t outputs)
{
    const edge_fully_connected_t plain = {inputs, outputs, 0,          -7,   -128, 90,
                                          weight, bias,    multiplier, shift};
    edge_fully_connected_mve_t layer = {inputs, outputs, 0, -7, -128, 90, 0, 0, packed, bias};

    fill_layer(outputs, inputs);
    pack_rows(outputs, inputs);
    layer.multiplier = multiplier[0];
    layer.shift = shift[0] = -9;
    edge_fully_connected_s8(&plain, input + 1, wanted); /* at an odd address */
    edge_fully_connected_mve_s8(&layer, input + 1, output);
    return differs(outputs);
}

/* A broadcast of equal shapes goes element by element. */
static int add_differs(int32_t size, int32_t output_shift)
{
    edge_broadcast_t same = {1, {0}, {1}, {1}};
    edge_add_t add = {0,   NULL, 5, -9, -3, -100, 110, {1 << 30, 0}, {1717986918, -3},
                      {0, 0}};

    same.size[0] = size;
    add.size = size;
    add.output.multiplier = 1288490189;
    add.output.shift = output_shift;
    fill(input, MAX_CELLS, -128);
    add.broadcast = &same;
    edge_add_s8(&add, input, input + MAX_CELLS / 2, wanted);
    add.broadcast = NULL;
    edge_add_s8(&add, input, input + MAX_CELLS / 2, output);
    return differs(size);
}

static int conv_case_differs(int32_t number)
{
    static const edge_image_t from[6] = {{7, 5, 3}, {5, 5, 4},  {3, 3, 16},
                                         {4, 4, 8}, {5, 7, 10}, {5, 4, 20}};
    static const edge_image_t to[6] = {{4, 3, 7}, {5, 5, 6},  {3, 3, 9},
                                       {4, 4, 4}, {3, 4, 16}, {5, 4, 5}};
    static const int32_t kernel[6] = {3, 3, 3, 1, 1, 3};
    static const int32_t stride[6] = {2, 1, 1, 1, 2, 1};
    const edge_conv_t conv =
        shape_of(from[number], to[number], kernel[number], stride[number], kernel[number] / 2);

    return conv_differs(&conv);
}

static int depthwise_case_differs(int32_t number)
{
    static const edge_image_t from[4] = {{6, 5, 8}, {5, 9, 16}, {4, 7, 35}, {6, 6, 32}};
    static const edge_image_t to[4] = {{6, 5, 8}, {3, 5, 16}, {4, 7, 35}, {7, 7, 32}};
    static const int32_t kernel[4] = {3, 3, 5, 2};
    static const int32_t stride[4] = {1, 2, 1, 1};
    const edge_conv_t conv =
        shape_of(from[number], to[number], kernel[number], stride[number], kernel[number] / 2);

    return depthwise_differs(&conv);
}

int main(void)
{
    static const int32_t sizes[4][2] = {{64, 8}, {7, 5}, {100, 14}, {3, 1}};
    int32_t i;

    for (i = 0; i < 6; i++) {
        if (conv_case_differs(i)) {
            return 1 + i;
        }
    }
    for (i = 0; i < 4; i++) {
        if (depthwise_case_differs(i)) {
            return 11 + i;
        }
    }
    for (i = 0; i < 4; i++) {
        if (fully_connected_differs(sizes[i][0], sizes[i][1])) {
            return 21 + i;
        }
    }
    for (i = 0; i < 4; i++) {
        if (add_differs(1000 + i, -18 - i)) {
            return 31 + i;
        }
    }
    return 0;
}
