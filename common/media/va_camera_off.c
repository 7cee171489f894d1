/* Where libavdevice was not found when this was built: cameras come through pipes. */
#include "media/va_camera_priv.h"

const AVInputFormat *va_camera_format(void)
{
    return NULL;
}
