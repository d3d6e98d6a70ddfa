/* The dsp kernels against the generic ones, with tables packed here, by their description in
 * edge_types.h: on a core with SMLAD this runs the instructions, elsewhere what stands for them.
 *
 * main returns the number of the first case that differs, 0 when none does.
 */
#include <stdint.h>
#include <string.h>

#include "edge_kernels.h"

enum { MAX_ROWS = 16, MAX_VALUES = 256, MAX_CELLS = 1024 };

static int8_t weight[MAX_ROWS * MAX_VALUES];
static int32_t bias[MAX_ROWS];
static int32_t multiplier[MAX_ROWS];
static int8_t shift[MAX_ROWS];
static int8_t input[MAX_CELLS];
static int8_t wanted[MAX_CELLS];
static int8_t output[MAX_CELLS];
static int32_t words[MAX_ROWS * MAX_VALUES];
static int32_t finish[MAX_ROWS * 9];
static int32_t doubled[MAX_ROWS];
static int8_t exponent[MAX_ROWS];
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

/* Everything a layer of `rows` outputs and `values` weights each needs; row 1 has factor 0. */
static void fill_layer(int32_t rows, int32_t values)
{
    int32_t i;

    fill(weight, rows * values, -127);
    fill(input, MAX_CELLS, -128);
    for (i = 0; i < MAX_ROWS; i++) {
        bias[i] = next_code() * 64;
        multiplier[i] = i == 1 ? 0 : ((int32_t)1 << 30) + next_code() * 4000000 + 512000000;
        shift[i] = (int8_t)(i == 1 ? 0 : i == 2 ? -31 : -1 - i % 11);
    }
    memset(words, 0, sizeof words);
    memset(finish, 0, sizeof finish);
    memset(doubled, 0, sizeof doubled);
}

static int32_t exponent_of(int32_t row)
{
    return multiplier[row] == 0 ? 1 : -shift[row];
}

static uint32_t half(int32_t x, int32_t y)
{
    return (uint32_t)(256 * x + y) & 0xFFFFu;
}

static int32_t weight_of(int32_t row, int32_t value, int32_t rows, int32_t values)
{
    return row < rows && value < values ? weight[row * values + value] : 0;
}

/* The word of rows `row` and `row + 1`, values `value` and `value + 2`. */
static int32_t twins(int32_t row, int32_t value, int32_t rows, int32_t values)
{
    const uint32_t low = half(weight_of(row, value, rows, values),
                              weight_of(row + 1, value, rows, values));
    const uint32_t high = half(weight_of(row, value + 2, rows, values),
                               weight_of(row + 1, value + 2, rows, values));

    return (int32_t)(low | high << 16);
}

/* Biases, multipliers and exponents of `multiple` rows at a time. */
static void pack_finish(int32_t rows, int32_t multiple)
{
    int32_t i;

    for (i = 0; i < rows || i % multiple != 0; i++) {
        int32_t *group = finish + i / multiple * (2 * multiple + 1);
        const int32_t place = i % multiple;

        group[place] = i < rows ? 2 * bias[i] : 0;
        group[multiple + place] = i < rows ? multiplier[i] : 0;
        group[2 * multiple] |= (i < rows ? exponent_of(i) : 1) << (8 * place);
    }
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

static int conv_differs(const edge_conv_t *conv)
{
    const int32_t rows = conv->output.channels;
    const int32_t values = conv->kernel_height * conv->kernel_width * conv->input.channels;
    edge_conv_dsp_t layer;
    int32_t *word = words;
    int32_t row;
    int32_t value;

    fill_layer(rows, values);
    for (row = 0; row < rows; row += 2) {
        for (value = 0; value < values; value += 4) {
            *word++ = twins(row, value, rows, values);
            *word++ = twins(row, value + 1, rows, values);
        }
    }
    pack_finish(rows, 2);
    layer.shape = *conv;
    layer.weight = words;
    layer.finish = finish;
    edge_conv_s8(conv, input, wanted);
    edge_conv_dsp_s8(&layer, input, (int8_t *)scratch, output);
    return differs(conv->output.height * conv->output.width * rows);
}

static int depthwise_differs(const edge_conv_t *conv)
{
    const int32_t channels = conv->output.channels;
    const int32_t taps = conv->kernel_height * conv->kernel_width;
    edge_conv_dsp_t layer;
    int32_t channel;
    int32_t tap;

    fill_layer(channels, taps);
    for (channel = 0; channel < channels; channel++) {
        for (tap = 0; tap < taps; tap++) {
            const uint32_t byte = (uint32_t)weight[tap * channels + channel] & 255u;

            words[channel / 4 * taps + tap] |= (int32_t)(byte << (channel % 4 * 8));
        }
    }
    pack_finish(channels, 4);
    layer.shape = *conv;
    layer.weight = words;
    layer.finish = finish;
    edge_depthwise_conv_s8(conv, input, wanted);
    edge_depthwise_conv_dsp_s8(&layer, input, (int8_t *)scratch, output);
    return differs(conv->output.height * conv->output.width * channels);
}

static int fully_connected_differs(int32_t inputs, int32_t outputs)
{
    const edge_fully_connected_t plain = {inputs, outputs, 1,          -7,   -128, 90,
                                          weight, bias,    multiplier, shift};
    const edge_fully_connected_dsp_t layer = {inputs, outputs, 1,          -7,      -128, 90,
                                              words,  doubled, multiplier, exponent};
    int32_t *word = words;
    int32_t row;
    int32_t value;

    fill_layer(outputs, inputs);
    for (row = 0; row < outputs; row += 4) {
        for (value = 0; value < inputs; value += 4) {
            *word++ = twins(row, value, outputs, inputs);
            *word++ = twins(row, value + 1, outputs, inputs);
            *word++ = twins(row + 2, value, outputs, inputs);
            *word++ = twins(row + 2, value + 1, outputs, inputs);
        }
    }
    for (row = 0; row < MAX_ROWS; row++) {
        doubled[row] = 2 * bias[row];
        exponent[row] = (int8_t)exponent_of(row);
    }
    edge_fully_connected_s8(&plain, input + 1, wanted); /* at an odd address */
    edge_fully_connected_dsp_s8(&layer, input + 1, output);
    return differs(outputs);
}

static int conv_case_differs(int32_t number)
{
    static const edge_image_t from[6] = {{7, 5, 3}, {5, 5, 4},  {3, 3, 16},
                                         {4, 4, 8}, {4, 4, 10}, {5, 4, 20}};
    static const edge_image_t to[6] = {{4, 3, 7}, {5, 5, 6},  {3, 3, 9},
                                       {4, 4, 4}, {4, 4, 16}, {5, 4, 5}};
    static const int32_t kernel[6] = {3, 3, 3, 1, 1, 3};
    static const int32_t stride[6] = {2, 1, 1, 1, 1, 1};
    const edge_conv_t conv =
        shape_of(from[number], to[number], kernel[number], stride[number], kernel[number] / 2);

    return conv_differs(&conv);
}

static int depthwise_case_differs(int32_t number)
{
    static const edge_image_t from[3] = {{6, 5, 8}, {5, 5, 16}, {4, 7, 4}};
    static const edge_image_t to[3] = {{6, 5, 8}, {3, 3, 16}, {4, 7, 4}};
    static const int32_t kernel[3] = {3, 3, 5};
    static const int32_t stride[3] = {1, 2, 1};
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
    for (i = 0; i < 3; i++) {
        if (depthwise_case_differs(i)) {
            return 11 + i;
        }
    }
    for (i = 0; i < 4; i++) {
        if (fully_connected_differs(sizes[i][0], sizes[i][1])) {
            return 21 + i;
        }
    }
    return 0;
}
