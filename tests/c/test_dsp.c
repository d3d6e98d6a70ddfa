/* The dsp kernels against the generic ones, with tables packed here, by their description in
 * edge_types.h: on a core with SMLAD this runs the instructions, elsewhere what stands for them.
 *
 * main returns the number of the first case that differs, 0 when none does.
 */
#include "layers.h"

static int32_t words[MAX_ROWS * MAX_VALUES];
static int32_t finish[MAX_ROWS * 9];
static int32_t doubled[MAX_ROWS];
static int8_t exponent[MAX_ROWS];

static void clear_tables(void)
{
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

static int conv_differs(const edge_conv_t *conv)
{
    const int32_t rows = conv->output.channels;
    const int32_t values = conv->kernel_height * conv->kernel_width * conv->input.channels;
    edge_conv_dsp_t layer;
    int32_t *word = words;
    int32_t row;
    int32_t value;

    fill_layer(rows, values);
    clear_tables();
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
    edge_conv_s8(conv, input, (int8_t *)scratch, wanted);
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
    clear_tables();
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
    edge_depthwise_conv_s8(conv, input, (int8_t *)scratch, wanted);
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
    clear_tables();
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

static const case_t depthwise_cases[] = {
    {{6, 5, 8}, {6, 5, 8}, 3, 1},
    {{5, 5, 16}, {3, 3, 16}, 3, 2},
    {{4, 7, 4}, {4, 7, 4}, 5, 1},
};

enum { DEPTHWISE_CASES = sizeof depthwise_cases / sizeof depthwise_cases[0] };

int main(void)
{
    int32_t i;

    for (i = 0; i < CONV_CASES; i++) {
        const edge_conv_t conv = conv_of(&conv_cases[i]);

        if (conv_differs(&conv)) {
            return 1 + i;
        }
    }
    for (i = 0; i < DEPTHWISE_CASES; i++) {
        const edge_conv_t conv = conv_of(&depthwise_cases[i]);

        if (depthwise_differs(&conv)) {
            return 11 + i;
        }
    }
    for (i = 0; i < 4; i++) {
        if (fully_connected_differs(dense_cases[i][0], dense_cases[i][1])) {
            return 21 + i;
        }
    }
    return 0;
}
