# How OpenCV 3.4's two training programs are compiled: static, without windows, video or tests.
# For cmake -C opencv.cmake

set(CMAKE_BUILD_TYPE Release CACHE STRING "")
# CMake 4 refuses the age of this tree otherwise
set(CMAKE_POLICY_VERSION_MINIMUM 3.5 CACHE STRING "")
# What the two programs link to, and nothing else
set(BUILD_LIST core,imgproc,imgcodecs,videoio,highgui,flann,features2d,calib3d,objdetect CACHE STRING "")
# A list in CMake's own notation: with commas, no program at all is built and nobody says so
set(BUILD_APPS_LIST "traincascade;createsamples" CACHE STRING "")
# One variant of each kernel: half the compilation
set(CPU_DISPATCH "" CACHE STRING "")

# Bundled, so that the binaries depend on nothing but the C++ runtime
foreach(option BUILD_opencv_apps BUILD_JPEG BUILD_PNG BUILD_ZLIB)
  set(${option} ON CACHE BOOL "")
endforeach()

foreach(option
    BUILD_SHARED_LIBS BUILD_TESTS BUILD_PERF_TESTS BUILD_EXAMPLES BUILD_DOCS BUILD_JAVA
    BUILD_opencv_python2 BUILD_opencv_python3 BUILD_opencv_python_bindings_generator
    ENABLE_PRECOMPILED_HEADERS OPENCV_GENERATE_PKGCONFIG
    WITH_1394 WITH_CUDA WITH_EIGEN WITH_FFMPEG WITH_GDAL WITH_GDCM WITH_GPHOTO2 WITH_GSTREAMER WITH_GTK
    WITH_IPP WITH_ITT WITH_JASPER WITH_LAPACK WITH_OPENCL WITH_OPENEXR WITH_PROTOBUF WITH_QT WITH_QUIRC
    WITH_TBB WITH_TIFF WITH_V4L WITH_VTK WITH_WEBP)
  set(${option} OFF CACHE BOOL "")
endforeach()
