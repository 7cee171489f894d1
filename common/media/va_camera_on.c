#include "media/va_camera_priv.h"

#include <libavdevice/avdevice.h>

const AVInputFormat *va_camera_format(void)
{
    avdevice_register_all();
    return av_find_input_format("v4l2");
}
