#include "discreet/app/data_download.h"

#include <gtest/gtest.h>
#include <httplib.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "discreet/core/document.h"
#include "discreet/core/error.h"
#include "discreet/core/files.h"
#include "discreet/core/sha256.h"
#include "tests/core/temporary_folder.h"

namespace discreet::app {
namespace {

using core::TemporaryFolder;

// A server on the loopback device that misbehaves as told.
class LoopbackServer {
 public:
  LoopbackServer() {
    server_.Get("/(.*)", [this](const httplib::Request& request, httplib::Response& response) {
      ++requests;
      ranges += request.has_header("Range");
      if (requests <= refuse_first) {
        response.status = 503;
        return;
      }
      const std::string body = files[request.matches[1]];
      if (body.empty()) {
        response.status = 404;
        return;
      }
      if (requests > break_first) {
        response.set_content(body, "application/octet-stream");
        return;
      }
      // Says it will send all, sends half, hangs up.
      response.set_content_provider(
          body.size(), "application/octet-stream",
          [body](std::size_t offset, std::size_t length, httplib::DataSink& sink) {
            const std::size_t half = body.size() / 2;
            if (offset >= half) return false;
            sink.write(body.data() + offset, std::min(length, half - offset));
            return true;
          });
    });
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    // A stop before the start would be lost.
    while (!server_.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  ~LoopbackServer() {
    server_.stop();
    thread_.join();
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  std::map<std::string, std::string> files;
  std::atomic<int> requests = 0, ranges = 0, refuse_first = 0, break_first = 0;

 private:
  httplib::Server server_;
  std::thread thread_;
  int port_ = 0;
};

std::string bytes_of(std::size_t size) {
  std::string bytes(size, ' ');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>('a' + i * i % 23);
  return bytes;
}

class DataDownload : public testing::Test {
 protected:
  DataDownload() {
    set_.name = "toy";
    set_.origin = "https://example.org/toy";
    set_.licence = "CC0 1.0";
    add("a.txt", bytes_of(300000));
    add("deep/b.txt", "small");
    options_.mirror = server_.url() + "/m/";
    options_.out = folder_.path();
    options_.pause = std::chrono::milliseconds(1);
    options_.timeout = std::chrono::seconds(5);
  }
  void add(const std::string& path, const std::string& bytes) {
    set_.files.push_back({.path = path, .bytes = bytes.size(), .sha256 = core::sha256(bytes)});
    server_.files["m/toy/" + path] = bytes;
  }
  Json get() {
    core::OperationContext context{.quiet = true};
    const Json document = download_data_set(set_, options_, context);
    core::validate_document(document, "get");
    return document;
  }
  Error failure() {
    try {
      get();
    } catch (const Error& e) {
      return e;
    }
    return internal_error("no error");
  }
  std::filesystem::path file(const std::string& path) const {
    return folder_.path() / "toy" / path;
  }

  core::TemporaryFolder folder_;
  LoopbackServer server_;
  DataSet set_;
  DownloadOptions options_;
};

TEST_F(DataDownload, FetchesAndChecksThenHasNothingToDo) {
  EXPECT_EQ(get()["results"][0]["state"], "fetched");
  EXPECT_EQ(core::read_file(file("a.txt")), bytes_of(300000));
  EXPECT_EQ(core::read_file(file("deep/b.txt")), "small");
  EXPECT_FALSE(std::filesystem::exists(file("a.txt.part")));
  const int before = server_.requests;
  EXPECT_EQ(get()["results"][1]["state"], "there");
  EXPECT_EQ(server_.requests, before);
}

TEST_F(DataDownload, GoesOnWhereTheServerHungUp) {
  server_.break_first = 1;
  EXPECT_EQ(get()["results"][0]["state"], "fetched");
  EXPECT_EQ(core::read_file(file("a.txt")), bytes_of(300000));
  EXPECT_EQ(server_.ranges, 1);
  EXPECT_EQ(server_.requests, 3);
}

TEST_F(DataDownload, GoesOnFromAnEarlierRun) {
  std::filesystem::create_directories(file(""));
  std::ofstream(file("a.txt.part")) << bytes_of(300000).substr(0, 1234);
  EXPECT_EQ(get()["results"][0]["state"], "resumed");
  EXPECT_EQ(core::read_file(file("a.txt")), bytes_of(300000));
  EXPECT_EQ(server_.ranges, 1);
}

TEST_F(DataDownload, AWrongPartIsRefusedAndNotKept) {
  std::filesystem::create_directories(file(""));
  std::ofstream(file("a.txt.part")) << "wrong";
  const Error e = failure();
  EXPECT_EQ(e.code(), ErrorCode::kBadData);
  EXPECT_NE(std::string(e.what()).find("expected 300000 bytes with " + set_.files[0].sha256),
            std::string::npos)
      << e.what();
  EXPECT_FALSE(std::filesystem::exists(file("a.txt")));
  EXPECT_FALSE(std::filesystem::exists(file("a.txt.part")));
  EXPECT_EQ(get()["results"][0]["state"], "fetched");
}

TEST_F(DataDownload, WrongBytesAreRefused) {
  server_.files["m/toy/a.txt"][77] = '!';
  EXPECT_EQ(failure().code(), ErrorCode::kBadData);
  EXPECT_FALSE(std::filesystem::exists(file("a.txt")));
  // A wrong file that stands there already is not taken for the right one.
  folder_.write("toy/a.txt", "wrong");
  server_.files["m/toy/a.txt"] = bytes_of(300000);
  get();
  EXPECT_EQ(core::read_file(file("a.txt")), bytes_of(300000));
}

TEST_F(DataDownload, MoreBytesThanSaidAreNotStored) {
  server_.files["m/toy/a.txt"] += "more";
  const Error e = failure();
  EXPECT_NE(std::string(e.what()).find("more bytes than the file has"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(file("a.txt")));
}

TEST_F(DataDownload, TriesAgainButNotForEver) {
  server_.refuse_first = 2;
  EXPECT_EQ(get()["results"][0]["state"], "fetched");
  EXPECT_EQ(server_.requests, 4);
  std::filesystem::remove_all(file(""));
  server_.requests = 0;
  server_.refuse_first = 1000;
  const Error e = failure();
  EXPECT_EQ(e.code(), ErrorCode::kRuntime);
  EXPECT_NE(std::string(e.what()).find("answers 503"), std::string::npos);
  EXPECT_EQ(server_.requests, options_.attempts);
}

TEST_F(DataDownload, AMissingFileIsNotTriedAgain) {
  server_.files.erase("m/toy/a.txt");
  EXPECT_NE(std::string(failure().what()).find("answers 404"), std::string::npos);
  EXPECT_EQ(server_.requests, 1);
}

TEST_F(DataDownload, NoServerIsARuntimeError) {
  options_.mirror = "http://127.0.0.1:1";
  options_.attempts = 2;
  EXPECT_EQ(failure().code(), ErrorCode::kRuntime);
}

TEST_F(DataDownload, WithoutAnAddressItSaysSoBeforeTheFirstByte) {
  options_.mirror.clear();
  set_.note = "It is a part.";
  set_.files[0].url = server_.url() + "/m/toy/a.txt";
  const Error e = failure();
  EXPECT_EQ(e.code(), ErrorCode::kUsage);
  EXPECT_EQ(std::string(e.what()),
            "data set 'toy': no stable address is known for deep/b.txt. It is a part.");
  EXPECT_NE(e.hint().find("--mirror DIR (with DIR/toy/deep/b.txt)"), std::string::npos);
  EXPECT_EQ(server_.requests, 0);
  set_.files[1].url = server_.url() + "/m/toy/deep/b.txt";
  EXPECT_EQ(get()["results"][1]["state"], "fetched");
}

TEST_F(DataDownload, StopsOnASignalAndKeepsThePart) {
  const std::atomic<int> stop = 15;
  core::OperationContext context{.stop = &stop, .quiet = true};
  try {
    download_data_set(set_, options_, context);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kTerminated);
  }
}

TEST_F(DataDownload, CopiesFromAMirrorFolder) {
  const core::TemporaryFolder mirror;
  mirror.write("toy/a.txt", bytes_of(300000));
  options_.mirror = mirror.path().string();
  const Error e = failure();
  EXPECT_NE(std::string(e.what()).find("deep/b.txt: no such file"), std::string::npos) << e.what();
  mirror.write("toy/deep/b.txt", "small");
  EXPECT_EQ(get()["results"][1]["state"], "copied");
  EXPECT_EQ(server_.requests, 0);
  std::filesystem::remove_all(file(""));
  mirror.write("toy/deep/b.txt", "smAll");
  EXPECT_EQ(failure().code(), ErrorCode::kBadData);
  EXPECT_FALSE(std::filesystem::exists(file("deep/b.txt")));
}

}  // namespace
}  // namespace discreet::app
